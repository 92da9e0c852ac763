//! Lists of objects, read in pages, and never more than one object of a page as a tree.

use erpc_emit::Kind;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use crate::call::{Call, Verb};
use crate::client::Cluster;
use crate::failure::ApiError;

impl Cluster {
    /// All objects of a collection, in pages.
    ///
    /// # Errors
    ///
    /// A refusal, or that the server does not answer.
    pub async fn list(&self, path: &str, selector: &str) -> Result<Vec<Value>, ApiError> {
        self.list_as(path, selector, |object| object).await
    }

    /// What becomes of each object of a collection: no more than one of them is there as a tree.
    ///
    /// # Errors
    ///
    /// A refusal, or that the server does not answer.
    pub(crate) async fn list_as<T>(
        &self,
        path: &str,
        selector: &str,
        of: impl FnMut(Value) -> T,
    ) -> Result<Vec<T>, ApiError> {
        self.list_call(&Call::new(Verb::List, path), selector, of)
            .await
    }

    /// What becomes of the metadata of each object of a collection; the rest is not read.
    ///
    /// # Errors
    ///
    /// A refusal, or that the server does not answer.
    pub(crate) async fn list_metadata<T>(
        &self,
        path: &str,
        selector: &str,
        of: impl FnMut(Value) -> T,
    ) -> Result<Vec<T>, ApiError> {
        const METADATA: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
        let list = Call::new(Verb::List, path).accepting(METADATA);
        self.list_call(&list, selector, of).await
    }

    async fn list_call<T>(
        &self,
        list: &Call,
        selector: &str,
        mut of: impl FnMut(Value) -> T,
    ) -> Result<Vec<T>, ApiError> {
        let mut items = Vec::new();
        let mut next: Option<String> = None;
        loop {
            let mut call = list.clone().query("limit", "500");
            if !selector.is_empty() {
                call = call.query("labelSelector", selector);
            }
            if let Some(token) = &next {
                call = call.query("continue", token.clone());
            }
            call.is_text = true;
            let answer = match self.call(call).await {
                Ok(answer) => answer.body,
                // The rest of the list is too old by now: from the start.
                Err(error) if error.code() == Some(410) && next.is_some() => {
                    items.clear();
                    next = None;
                    continue;
                }
                Err(error) => return Err(error),
            };
            let text = answer.as_str().unwrap_or_default();
            let page = Page {
                of: &mut of,
                items: &mut items,
            };
            let token = page.read(text);
            let token =
                token.map_err(|_| ApiError::Unreachable("the answer is not JSON".to_owned()))?;
            if token.is_empty() {
                return Ok(items);
            }
            next = Some(token);
        }
    }

    /// The warnings among the events of a namespace, and what an autoscaler of nodes is about to do, which
    /// is no warning; oldest first.
    ///
    /// # Errors
    ///
    /// A refusal, or that the server does not answer.
    pub async fn warnings(&self, namespace: &str) -> Result<Vec<Value>, ApiError> {
        let path = format!("/api/v1/namespaces/{namespace}/events");
        let mut events = Vec::new();
        for selector in ["type=Warning", "reason=TriggeredScaleUp"] {
            let call = Call::new(Verb::List, path.as_str()).query("fieldSelector", selector);
            if let Value::Array(found) = self.call(call).await?.body["items"].take() {
                events.extend(found);
            }
        }
        let time = |event: &Value| {
            let times = ["lastTimestamp", "eventTime"].into_iter();
            let mut times = times.filter_map(|key| event[key].as_str());
            times.next().unwrap_or_default().to_owned()
        };
        events.sort_by_key(time);
        Ok(events)
    }

    /// All objects of a kind that a selector finds, in the whole cluster.
    ///
    /// # Errors
    ///
    /// A refusal, or that the server does not answer.
    pub async fn list_kind(&self, kind: Kind, selector: &str) -> Result<Vec<Value>, ApiError> {
        self.list(&kind.collection(None), selector).await
    }
}

/// A page of a list that is being read.
struct Page<'p, T, F> {
    of: &'p mut F,
    items: &'p mut Vec<T>,
}

impl<T, F: FnMut(Value) -> T> Page<'_, T, F> {
    /// Reads it to its end, and gives the token of the next one, which is empty where there is none.
    fn read(self, text: &str) -> Result<String, serde_json::Error> {
        let mut reader = serde_json::Deserializer::from_str(text);
        let token = reader.deserialize_map(self)?;
        reader.end()?;
        Ok(token)
    }
}

impl<'de, T, F: FnMut(Value) -> T> Visitor<'de> for Page<'_, T, F> {
    type Value = String;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a list")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<String, A::Error> {
        let mut token = String::new();
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "items" => map.next_value_seed(Items(&mut self))?,
                "metadata" => {
                    let metadata: Value = map.next_value()?;
                    metadata["continue"]
                        .as_str()
                        .unwrap_or_default()
                        .clone_into(&mut token);
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(token)
    }
}

struct Items<'p, 'q, T, F>(&'p mut Page<'q, T, F>);

impl<'de, T, F: FnMut(Value) -> T> DeserializeSeed<'de> for Items<'_, '_, T, F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        // A list without items may say `null`.
        reader.deserialize_any(self)
    }
}

impl<'de, T, F: FnMut(Value) -> T> Visitor<'de> for Items<'_, '_, T, F> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("objects")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while let Some(object) = seq.next_element::<Value>()? {
            let item = (self.0.of)(object);
            self.0.items.push(item);
        }
        Ok(())
    }
}
