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
    /// The log was lost, or its end; or what stands there can't be read.
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
                let record = read(place, at_ms, &text.slice(end + 1..));
                // What can't be read is a loss like any other: the log is loaded without it.
                Some(record.map_or(Self::Renewed, Self::Event))
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
        let mut records = Vec::with_capacity(entries.len());
        for (id, fields) in entries {
            let fields = fields.into_iter().map(Bytes::from).collect();
            match record(&epoch, (id, fields)) {
                Some(record) => records.push(record),
                // The log reaches back to what follows, as where it was trimmed: whoever saw less is told.
                None => records.clear(),
            }
        }
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
    use samewire_protocol::{ErrorCode, presence::Status};
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

    /// JSON with a field more in each of its objects.
    fn newer(value: serde_json::Value) -> serde_json::Value {
        match value {
            serde_json::Value::Object(fields) => fields
                .into_iter()
                .map(|(name, value)| (name, newer(value)))
                .chain([("addedLater".to_owned(), json!({ "colour": "red" }))])
                .collect(),
            serde_json::Value::Array(values) => values.into_iter().map(newer).collect(),
            value => value,
        }
    }

    fn tab() -> serde_json::Value {
        let at = "2026-11-21T07:38:47.123Z";
        json!({ "server": "s", "user": "ada", "name": "Ada", "status": "busy", "state": 7, "joinedAt": at, "at": at })
    }

    #[test]
    fn messages_of_a_newer_server_are_read_and_those_of_a_new_kind_are_none() {
        // Of what is one of several there is one.
        let changed = |change| {
            json!({ "server": "s", "addedLater": 7, "connection": "c", "change": change })
                .to_string()
        };
        let read = |kind: &str, told: String| Message::read(format!("{kind}{told}").into_bytes());
        let Some(Message::Changed(told)) = read("c", changed(json!({ "present": newer(tab()) })))
        else {
            panic!("no change")
        };
        let Change::Present(told) = told.change else { panic!("nobody is present") };
        assert_eq!((told.user.as_str(), told.status), ("ada", Some(Status::Busy)));
        assert_eq!(told.state, Some(json!(7)).map(newer));
        for known in ["left", "lost"] {
            let told = changed(json!({ (known): newer(json!({ "user": "ada" })) }));
            assert!(matches!(read("c", told), Some(Message::Changed(_))), "{known}");
        }
        assert!(read("c", changed(json!({ "levitated": { "user": "ada" } }))).is_none());

        let reason = newer(json!({ "code": "MOON_ECLIPSED", "message": "no longer" }));
        let whom = json!({ "user": "ada" });
        let revoked =
            json!({ "revoked": { "whom": whom, "reason": reason, "addedLater": { "a": 1 } } });
        let dismissed = |dismissal| {
            json!({ "server": "s", "addedLater": 7, "dismissal": dismissal }).to_string()
        };
        let told = read("d", format!("7 {}", dismissed(revoked)));
        let Some(Message::Dismissed(7, Dismissed { dismissal, .. })) = told else {
            panic!("no dismissal")
        };
        let Dismissal::Revoked { reason, .. } = dismissal else { panic!("no revocation") };
        assert_eq!(reason.code, ErrorCode::Unknown);
        assert!(read("d", format!("7 {}", dismissed(json!({ "enchanted": {} })))).is_none());

        // A head may have more words behind those that are known.
        let event = read("e", "e 7 1000 b a later\n{\"event\":\"x\",\"payload\":2}\n{}".into());
        assert!(matches!(event, Some(Message::Event(record)) if record.place == place()));
        let unreadable = read("e", "e 7 1000 b a\nof another kind".into());
        assert!(matches!(unreadable, Some(Message::Renewed)), "it is loaded without");
    }

    /// As the script answers it, of records with these fields at 1 and on.
    fn loaded(records: &[&[(&str, &str)]], tabs: serde_json::Value) -> Loaded {
        let text = |text: &str| Value::BulkString(text.into());
        let fields = |fields: &[(&str, &str)]| {
            let flat = fields.iter().flat_map(|field| [text(field.0), text(field.1)]);
            Value::Array(flat.collect())
        };
        let entries = records.iter().zip(1..).map(|(record, offset)| {
            Value::Array(vec![text(&format!("{offset}-0")), fields(record)])
        });
        let tabs = tabs
            .as_object()
            .unwrap()
            .iter()
            .map(|(id, tab)| Value::Array(vec![text(id), text(&tab.to_string())]));
        let answer = Value::Array(vec![
            text("e"),
            text(&records.len().to_string()),
            text("tag"),
            Value::Array(entries.collect()),
            Value::Array(Vec::new()),
            Value::Array(tabs.collect()),
            Value::Int(0),
            Value::Array(Vec::new()),
        ]);
        LoadedRoom::from_redis_value(answer).unwrap().0
    }

    #[test]
    fn a_room_that_a_newer_server_wrote_is_loaded() {
        let head = "{\"event\":\"x\",\"payload\":1,\"addedLater\":{}}\n1";
        let record = [("v", "2"), ("a", "1000"), ("t", "b"), ("p", "a"), ("r", head), ("z", "")];
        let mut later = tab();
        later["status"] = json!("levitating");
        let tabs = json!({ "1": newer(tab()), "2": later, "3": { "of": "another kind" } });
        let room = loaded(&[&record, &record], tabs);
        assert_eq!(room.records.len(), 2);
        assert_eq!(room.records[1].place.at.offset, 2);
        let there: Vec<_> = room.tabs.iter().map(|(id, tab)| (id.as_str(), tab.status)).collect();
        assert_eq!(there, [("1", Some(Status::Busy)), ("2", None)]);
    }

    #[test]
    fn of_a_log_with_a_record_that_cant_be_read_what_follows_is_left() {
        let good =
            [("a", "1000"), ("t", "b"), ("p", "a"), ("r", "{\"event\":\"x\",\"payload\":1}\n1")];
        let bad = [("a", "1000"), ("t", "b"), ("p", "a"), ("r2", "of another kind")];
        let room = loaded(&[&good, &bad, &good], json!({}));
        let offsets: Vec<_> = room.records.iter().map(|record| record.place.at.offset).collect();
        assert_eq!((offsets.as_slice(), room.reach.offset), ([3].as_slice(), 3));
        let room = loaded(&[&good, &bad], json!({}));
        assert_eq!((room.records.len(), room.reach.offset), (0, 2));
    }
}
