//! What an emit was answered with, as it is kept in Redis: JSON, and the binary values behind it.

use std::sync::Arc;

use axum::body::Bytes;
use samewire_protocol::ErrorBody;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{
    answer::Outcome,
    attachments::{Attached, Attachments},
    error::{Error, Result},
};

/// The JSON. A newer server's may have further fields.
#[derive(Deserialize, Serialize)]
struct Head<'a> {
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    answer: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<ErrorBody>,
    /// Bytes of each of the binary values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    attachments: Vec<usize>,
}

pub(super) fn encode(answer: &Outcome) -> Result<Vec<u8>> {
    let (head, attachments) = match answer.as_deref() {
        Ok(Attached { answer, attachments }) => {
            let sizes = attachments.as_slice().iter().map(Bytes::len).collect();
            let head = Head { answer: Some(answer), refusal: None, attachments: sizes };
            (head, attachments.as_slice())
        }
        Err(error) => {
            let refusal = Some(error.body());
            (Head { answer: None, refusal, attachments: Vec::new() }, [].as_slice())
        }
    };
    let mut encoded = serde_json::to_vec(&head)?;
    attachments.iter().for_each(|value| encoded.extend_from_slice(value));
    Ok(encoded)
}

pub(super) fn decode(encoded: &[u8]) -> Result<Outcome> {
    let mut heads = serde_json::Deserializer::from_slice(encoded).into_iter::<Head<'_>>();
    let head = heads.next().ok_or_else(spoilt)??;
    let mut rest = &encoded[heads.byte_offset()..];
    let mut attachments = Vec::with_capacity(head.attachments.len());
    for size in head.attachments {
        let (value, behind) = rest.split_at_checked(size).ok_or_else(spoilt)?;
        attachments.push(Bytes::copy_from_slice(value));
        rest = behind;
    }
    match (head.answer, head.refusal) {
        (Some(answer), _) => Ok(Ok(Arc::new(Attached {
            answer: answer.to_owned(),
            attachments: Attachments::from_iter(attachments),
        }))),
        (None, Some(refusal)) => Ok(Err(Arc::new(refusal.into()))),
        (None, None) => Err(spoilt()),
    }
}

fn spoilt() -> Error {
    <serde_json::Error as serde::de::Error>::custom("an answer in Redis is incomplete").into()
}

#[cfg(test)]
mod tests {
    use samewire_protocol::ErrorCode;
    use serde_json::{json, value::to_raw_value};

    use super::*;

    #[test]
    fn an_answer_comes_back_as_it_was() {
        let text = json!({ "text": "a\nb", "sketch": Attachments::placeholder(1) });
        let attachments = Attachments::from_iter([vec![], vec![0, 255, 10]]);
        let answer = to_raw_value(&text).unwrap();
        let sent = Ok(Arc::new(Attached { answer, attachments }));
        let come = decode(&encode(&sent).unwrap()).unwrap().unwrap();
        assert_eq!(come.answer.get(), text.to_string());
        assert_eq!(come.attachments.as_slice(), [&[][..], &[0, 255, 10]]);
        let bare = Ok(Arc::new(to_raw_value(&7).unwrap().into()));
        assert_eq!(decode(&encode(&bare).unwrap()).unwrap().unwrap().answer.get(), "7");
    }

    #[test]
    fn a_refusal_comes_back_with_all_that_is_told_of_it() {
        for refusal in [
            Error::refused(ErrorCode::NotFound, "no such thing"),
            Error::conflict("too late", &json!({ "version": 2 })),
            Error::field("room", "expected a string"),
        ] {
            let told = refusal.body();
            let come = decode(&encode(&Err(Arc::new(refusal))).unwrap()).unwrap().unwrap_err();
            assert_eq!(come.body(), told);
        }
    }

    #[test]
    fn what_is_cut_off_is_noticed() {
        let attachments = Attachments::from_iter([vec![1, 2, 3]]);
        let sent = Ok(Arc::new(Attached { answer: to_raw_value(&1).unwrap(), attachments }));
        let encoded = encode(&sent).unwrap();
        for length in 0..encoded.len() {
            decode(&encoded[..length]).unwrap_err();
        }
    }
}
