//! Machines that a pool makes: their first key is good once.

use farm_bucket::PutView;
use farm_model::Timestamp;
use farm_model::machine::MachineRecord;
use farm_wire::head::Refusal;
use tokio::time::timeout;

use super::known::Answer;
use super::{Arc, Bearer, Ledger, WRITE};

impl Ledger {
    /// What is recorded of a machine that a pool made, and was let in; none of others.
    pub fn made(&self, name: &str) -> Option<Arc<MachineRecord>> {
        match self.known.lock().answer(&name.parse().ok()?) {
            Answer::Read(record) => record.filter(|record| record.once.is_some()),
            Answer::Unread => None,
        }
    }

    /// Uses up the first key of a machine: it has come, and from here on the key `next` is good and no other. To be done
    /// before the machine is answered. If this hub dies before the machine has got the next key, the machine is lost: it
    /// cannot come again, and its pool makes another.
    ///
    /// # Errors
    /// What to tell it: somebody else has come with that key, or a key of the same machine; or the bucket does not answer.
    /// The log says why.
    pub async fn use_up(&self, bearer: &Bearer, next: &str, now: Timestamp) -> Result<(), Refusal> {
        let _alone = self.using.lock().await;
        let used = match timeout(WRITE, self.used(bearer, next, now)).await {
            Ok(used) => used,
            Err(_) => Err(format!(
                "no answer of the bucket within {} s",
                WRITE.as_secs()
            )),
        };
        match used {
            Ok(true) => Ok(()),
            Ok(false) => {
                tracing::warn!(machine = %bearer.name, "bad key: it was good once, and has been used");
                Err(Refusal::bad_key(&bearer.host_type))
            }
            Err(error) => {
                tracing::warn!(machine = %bearer.name, %error, "the first key of a machine cannot be used up");
                Err(Refusal::new(
                    503,
                    "records of machines cannot be changed now",
                ))
            }
        }
    }

    /// Whether it was still to be used.
    async fn used(&self, bearer: &Bearer, next: &str, now: Timestamp) -> Result<bool, String> {
        let name = bearer.name.parse().map_err(|_| "no name of a machine")?;
        let known = self.bucket.get_machine(&name).await;
        let known = known.map_err(|error| error.to_string())?;
        let used = known
            .as_ref()
            .and_then(|known| known.record.used(next, now));
        let Some(record) = used else {
            return Ok(false);
        };
        let put = self.bucket.put_machine(&record, known.as_ref()).await;
        let written = matches!(put.map_err(|error| error.to_string())?, PutView::Written(_));
        if written {
            let answer = Answer::Read(Some(Arc::new(record)));
            self.known.lock().note(&name, answer, None);
            self.turn.send_modify(|turn| *turn += 1);
        }
        Ok(written)
    }
}
