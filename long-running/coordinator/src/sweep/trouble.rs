//! That nothing can be removed is an operator's business: it is shown with the farm's other troubles until it is over.

use farm_core::Fact;
use tokio::sync::mpsc;

use crate::engine::Input;

/// Of a reason, in characters.
const REASON: usize = 300;

/// What was told last.
pub(super) struct Trouble {
    inputs: mpsc::Sender<Input>,
    told: Option<String>,
}

impl Trouble {
    pub(super) fn new(inputs: mpsc::Sender<Input>) -> Self {
        Self { inputs, told: None }
    }

    /// How it went; told where that is new.
    pub(super) async fn is(&mut self, error: Option<String>) {
        let text = error.map(|error| {
            let error: String = error.chars().take(REASON).collect();
            format!("what is old cannot be removed from the bucket: {error}")
        });
        if text == self.told {
            return;
        }
        let fact = Fact::Trouble {
            about: "the sweep of the bucket".to_owned(),
            text: text.clone(),
        };
        let input = Input {
            facts: vec![fact],
            ..Input::default()
        };
        if self.inputs.send(input).await.is_ok() {
            self.told = text;
        }
    }
}
