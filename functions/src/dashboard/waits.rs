//! Why open builds wait: what the front page's document says of each, for the lists of other pages.

use std::collections::HashMap;
use std::sync::Arc;

use farm_model::id::BuildId;
use farm_model::view::{FarmView, key};

use super::Dashboard;
use super::views::{Document, ViewError};

/// The one reason of each open build that the document lists: the oldest ones.
pub(super) struct Waits(HashMap<BuildId, String>);

impl Waits {
    fn new(farm: Option<&Arc<Document<FarmView>>>) -> Self {
        let open = farm.iter().flat_map(|farm| &farm.view.open);
        Self(
            open.map(|open| (open.build.clone(), open.why.clone()))
                .collect(),
        )
    }

    /// Why it waits, or where it runs.
    pub(super) fn of(&self, build: &BuildId) -> Option<&str> {
        self.0.get(build).map(String::as_str)
    }
}

impl Dashboard {
    /// The farm's name, empty where it is not known.
    pub(super) async fn name(&self) -> Result<String, ViewError> {
        let farm = self.farm.get(key::FARM).await?;
        Ok(farm.map_or_else(String::new, |farm| farm.view.name.clone()))
    }

    /// The same, and why its builds wait.
    pub(super) async fn farm_and_waits(&self) -> Result<(String, Waits), ViewError> {
        let farm = self.farm.get(key::FARM).await?;
        let waits = Waits::new(farm.as_ref());
        let name = farm.map_or_else(String::new, |farm| farm.view.name.clone());
        Ok((name, waits))
    }
}
