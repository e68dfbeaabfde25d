//! What stands in Redis and goes over its channels. A server of a neighbouring version may have written
//! it: unknown fields are passed over, and so is a message of an unknown kind.

use axum::body::Bytes;
use redis::{FromRedisValue, ParsingError, Value, from_redis_value};
use samewire_protocol::{Epoch, id::ConnectionId};
use serde::{Deserialize, Serialize};

use crate::{
    attachments::Attachments,
    backplane::mirror::{NO_TAG, Place, Reach},
    error::Result,
    retained::{Retain, Retained},
    rooms::{Change, Dismissal, Loaded, Publishing, Record, Tab},
};

/// A message of a room's channel.
#[derive(Debug)]
pub(super) enum Message {
    /// An event that was published.
    Event(Record),
    /// The log was lost, or its end.
    Renewed,
    /// Members are taken out of the room, for the so-manieth time.
    Dismissed(u64, Dismissed),
    /// Something becomes of a member.
    Changed(Changed),
}

/// Members are taken out of a room.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Dismissed {
    /// The server that tells it: it has seen to itself.
    pub(super) server: String,
    pub(super) dismissal: Dismissal,
}

/// Something becomes of a member.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Changed {
    /// The server that tells it, of its own members.
    pub(super) server: String,
    pub(super) connection: ConnectionId,
    pub(super) change: Change,
}

/// What stands ahead of an event's payload.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    event: String,
    /// Bytes of the payload's JSON, which follows.
    payload: usize,
    /// Bytes of each binary value, which follow that.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    attachments: Vec<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    except: Option<ConnectionId>,
    #[serde(default)]
    ask: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    retain: Vec<Retain>,
}

/// Writes an event.
pub(super) fn write(event: &str, payload: &str, publishing: &Publishing<'_>) -> Result<Vec<u8>> {
    let head = Head {
        event: event.to_owned(),
        payload: payload.len(),
        attachments: publishing.attachments.as_slice().iter().map(Bytes::len).collect(),
        except: publishing.except.cloned(),
        ask: publishing.ask,
        retain: publishing.retain.clone(),
    };
    let mut written = serde_json::to_vec(&head)?;
    written.push(b'\n');
    written.extend_from_slice(payload.as_bytes());
    publishing.attachments.as_slice().iter().for_each(|value| written.extend_from_slice(value));
    Ok(written)
}

/// Reads an event; nothing where it can't be one.
pub(super) fn read(place: Place, at_ms: u64, written: &Bytes) -> Option<Record> {
    let end = written.iter().position(|byte| *byte == b'\n')?;
    let head: Head = serde_json::from_slice(&written[..end]).ok()?;
    let mut from = end + 1;
    let mut next = |bytes: usize| {
        let to = from.checked_add(bytes).filter(|to| *to <= written.len())?;
        let part = written.slice(from..to);
        from = to;
        Some(part)
    };
    let payload = String::from_utf8(next(head.payload)?.to_vec()).ok()?;
    let attachments = head.attachments.into_iter().map(next).collect::<Option<Vec<_>>>()?;
    Some(Record {
        place,
        at_ms,
        event: head.event,
        payload,
        attachments: attachments.into_iter().collect::<Attachments>(),
        except: head.except,
        ask: head.ask,
        retain: head.retain,
    })
}

impl Message {
    /// Reads a message; nothing where it is of no known kind.
    pub(super) fn read(text: Vec<u8>) -> Option<Self> {
        let text = Bytes::from(text);
        match text.first()? {
            b'e' => {
                let end = text.iter().position(|byte| *byte == b'\n')?;
                let head = std::str::from_utf8(&text[1..end]).ok()?;
                let mut parts = head.split(' ');
                let epoch = Epoch(parts.next()?.to_owned());
                let offset = parts.next()?.parse().ok()?;
                let at_ms = parts.next()?.parse().ok()?;
                let tag = parts.next()?.into();
                let previous = parts.next()?.into();
                let place = Place { at: Reach { epoch, offset, tag }, previous };
                read(place, at_ms, &text.slice(end + 1..)).map(Self::Event)
            }
            b'n' => Some(Self::Renewed),
            b'd' => {
                let told = std::str::from_utf8(&text[1..]).ok()?;
                let (number, told) = told.split_once(' ')?;
                Some(Self::Dismissed(number.parse().ok()?, serde_json::from_str(told).ok()?))
            }
            b'c' => serde_json::from_slice(&text[1..]).ok().map(Self::Changed),
            _ => None,
        }
    }
}

/// Where an event that was published has its place.
#[derive(Debug)]
pub(super) struct Appended {
    pub(super) epoch: Epoch,
    pub(super) offset: u64,
    pub(super) at_ms: u64,
    pub(super) previous: Box<str>,
    /// It has it from now on, and not since another time that it was published.
    pub(super) is_new: bool,
}

impl FromRedisValue for Appended {
    fn from_redis_value(value: Value) -> std::result::Result<Self, ParsingError> {
        let (epoch, offset, at_ms, previous, is_new): (String, u64, String, String, bool) =
            from_redis_value(value)?;
        Ok(Self {
            epoch: Epoch(epoch),
            offset,
            at_ms: at_ms.parse().unwrap_or_default(),
            previous: previous.into(),
            is_new,
        })
    }
}

/// A stream's entry: its id, and its fields' names and values by turns.
type Entry = (String, Vec<Bytes>);

/// As a script answers it.
#[derive(Debug)]
pub(super) struct LoadedRoom(pub(super) Loaded);

impl FromRedisValue for LoadedRoom {
    fn from_redis_value(value: Value) -> std::result::Result<Self, ParsingError> {
        type Records = Vec<(String, Vec<Vec<u8>>)>;
        type Parts =
            (String, u64, String, Records, Vec<String>, Vec<(String, String)>, u64, Vec<String>);
        let (epoch, offset, tag, entries, retained, tabs, dismissals, dismissed): Parts =
            from_redis_value(value)?;
        let epoch = Epoch(epoch);
        let records = entries.into_iter().map(|(id, fields)| {
            let fields = fields.into_iter().map(Bytes::from).collect();
            record(&epoch, (id, fields)).ok_or_else(|| ParsingError::from("no record of a room"))
        });
        let records = records.collect::<std::result::Result<Vec<_>, _>>()?;
        let mut places: Vec<_> = retained
            .chunks_exact(2)
            .filter_map(|pair| {
                let (place, frame) = pair[1].split_once(' ')?;
                Some((place.parse::<u64>().ok()?, pair[0].clone(), frame.to_owned()))
            })
            .collect();
        places.sort();
        let mut retained = Retained::default();
        for (_, event, frame) in places {
            retained.apply(Retain::of_text(event, frame));
        }
        let dismissed = dismissed.iter().filter_map(|told| dismissal(told)).collect();
        let reach = Reach { epoch, offset, tag: tag.into() };
        let tabs = read_tabs(tabs);
        Ok(Self(Loaded { reach, records, retained, tabs, dismissals, dismissed }))
    }
}

/// Who is in a room, as its hash has them. What can't be read is a newer server's.
pub(super) fn read_tabs(tabs: Vec<(String, String)>) -> Vec<(ConnectionId, Tab)> {
    let tabs = tabs.into_iter();
    tabs.filter_map(|(id, tab)| Some((ConnectionId(id), serde_json::from_str(&tab).ok()?)))
        .collect()
}

/// A dismissal with its number.
fn dismissal(told: &str) -> Option<(u64, Dismissal)> {
    let (number, told) = told.split_once(' ')?;
    Some((number.parse().ok()?, serde_json::from_str::<Dismissed>(told).ok()?.dismissal))
}

fn record(epoch: &Epoch, (id, fields): Entry) -> Option<Record> {
    let field = |name: &str| {
        let at = fields.iter().step_by(2).position(|field| field == name)?;
        fields.get(2 * at + 1)
    };
    let text = |name| std::str::from_utf8(field(name)?).ok();
    let offset = id.split_once('-')?.0.parse().ok()?;
    let at = Reach { epoch: epoch.clone(), offset, tag: text("t")?.into() };
    let previous = text("p").unwrap_or(NO_TAG).into();
    read(Place { at, previous }, text("a")?.parse().ok()?, field("r")?)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn place() -> Place {
        let at = Reach { epoch: Epoch("e".into()), offset: 7, tag: "b".into() };
        Place { at, previous: "a".into() }
    }

    #[test]
    fn what_is_written_is_read() {
        let publishing = Publishing {
            attachments: Attachments::from_iter([vec![1, 2], vec![], vec![10, 3]]),
            ask: true,
            ..Publishing::default()
        };
        let payload = "{\"a\":\"two\\nlines\"}";
        let written = write("said", payload, &publishing).unwrap();
        let message = [b"e" as &[u8], b"e 7 1000 b a\n", &written].concat();
        let Some(Message::Event(record)) = Message::read(message) else { panic!("no event") };
        assert_eq!((record.place, record.at_ms), (place(), 1000));
        assert_eq!((record.event.as_str(), record.payload.as_str()), ("said", payload));
        assert_eq!(record.attachments.as_slice(), publishing.attachments.as_slice());
        assert!(record.ask && record.except.is_none() && record.retain.is_empty());
    }

    #[test]
    fn a_newer_servers_field_is_passed_over_and_what_is_spoilt_is_nothing() {
        let with = |head: serde_json::Value, rest: &str| Bytes::from(format!("{head}\n{rest}"));
        let newer = with(json!({ "event": "x", "payload": 2, "colour": "red" }), "{}");
        assert_eq!(read(place(), 0, &newer).unwrap().payload, "{}");
        for spoilt in [
            with(json!({ "event": "x", "payload": 3 }), "{}"),
            with(json!({ "event": "x", "payload": usize::MAX }), "{}"),
            with(json!({ "event": "x", "payload": 1, "attachments": [2] }), "{}"),
            with(json!({ "payload": 2 }), "{}"),
            Bytes::from_static(b"{}"),
        ] {
            assert!(read(place(), 0, &spoilt).is_none(), "{spoilt:?}");
        }
        assert!(Message::read(b"z".to_vec()).is_none());
        assert!(Message::read(Vec::new()).is_none());
        assert!(Message::read(b"e x".to_vec()).is_none());
    }
}
