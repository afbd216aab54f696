//! What lies on the queues, asked of the emulator past every part of the farm.

use serde_json::{Value, json};

use crate::{Farm, until};

impl Farm {
    async fn queue(&self, method: &str, body: Value) -> Result<Value, String> {
        let url = format!(
            "http://127.0.0.1:{}/v1/projects/farm/{method}",
            self.ports[0]
        );
        let put = !method.contains(':');
        let request = if put {
            self.http.put(url)
        } else {
            self.http.post(url)
        };
        let request = request.header("content-type", "application/json");
        let answer = request.body(body.to_string()).send().await;
        let answer = answer.map_err(|error| error.to_string())?;
        let good = answer.status().is_success() || answer.status().as_u16() == 409;
        let text = answer.text().await.map_err(|error| error.to_string())?;
        if good {
            Ok(serde_json::from_str(&text).unwrap_or(Value::Null))
        } else {
            Err(text)
        }
    }

    /// Publishes to a topic, past every function.
    pub async fn publish(&self, topic: &str, attributes: Value, data: &str) {
        use base64::Engine;
        let data = base64::engine::general_purpose::STANDARD.encode(data);
        let message = json!({ "attributes": attributes, "data": data });
        let method = format!("topics/{topic}:publish");
        self.queue(&method, json!({ "messages": [message] }))
            .await
            .unwrap();
    }

    /// From now on what is published on a topic is pushed to a path of the functions, as a bare event.
    pub async fn push_to(&self, topic: &str, subscription: &str, path: &str) {
        let wanted = json!({
            "topic": format!("projects/farm/topics/{topic}"),
            "ackDeadlineSeconds": 60,
            "pushConfig": {
                "pushEndpoint": self.inside_url(path), "noWrapper": { "writeMetadata": true },
            },
            "retryPolicy": { "minimumBackoff": "1s", "maximumBackoff": "5s" },
        });
        let method = format!("subscriptions/{subscription}");
        self.queue(&method, wanted).await.unwrap();
    }

    /// A subscription of our own from the first moment on.
    pub(crate) async fn listen_to_results(&self) {
        until("the emulator", async || {
            self.queue("topics/results", json!({})).await?;
            let wanted =
                json!({ "topic": "projects/farm/topics/results", "ackDeadlineSeconds": 600 });
            self.queue("subscriptions/test", wanted).await
        })
        .await;
    }

    /// Takes what lies in a subscription now.
    pub(crate) async fn take(&self, subscription: &str) -> Result<Vec<Value>, String> {
        let received = self.pull(subscription).await?;
        let answer = json!({ "ackIds": ack_ids(&received) });
        self.answer(subscription, "acknowledge", answer).await?;
        Ok(received)
    }

    /// Looks at what lies in a subscription now, and leaves it there.
    async fn peek(&self, subscription: &str) -> Result<Vec<Value>, String> {
        let received = self.pull(subscription).await?;
        let answer = json!({ "ackIds": ack_ids(&received), "ackDeadlineSeconds": 0 });
        self.answer(subscription, "modifyAckDeadline", answer)
            .await?;
        Ok(received)
    }

    /// Answers for what was received; for nothing there is no answer.
    async fn answer(&self, subscription: &str, verb: &str, answer: Value) -> Result<(), String> {
        if answer["ackIds"].as_array().is_none_or(Vec::is_empty) {
            return Ok(());
        }
        let method = format!("subscriptions/{subscription}:{verb}");
        self.queue(&method, answer).await.map(drop)
    }

    async fn pull(&self, subscription: &str) -> Result<Vec<Value>, String> {
        let asked = json!({ "maxMessages": 1000, "returnImmediately": true });
        let method = format!("subscriptions/{subscription}:pull");
        let answer = self.queue(&method, asked).await?;
        Ok(answer["receivedMessages"]
            .as_array()
            .cloned()
            .unwrap_or_default())
    }

    /// An answer may be under way: waits until nothing lies there.
    pub(crate) async fn is_empty(&self, subscription: &str) {
        until(
            &format!("{subscription} to be empty"),
            async || match self.peek(subscription).await {
                Ok(found) if found.is_empty() => Ok(()),
                other => Err(format!("{other:?}")),
            },
        )
        .await;
    }
}

fn ack_ids(received: &[Value]) -> Vec<&Value> {
    received.iter().map(|one| &one["ackId"]).collect()
}
