//! socketioxide's reading and writing.

use engineioxide_core::{Packet as Frame, ProtocolVersion};
use serde::Serialize;
use serde_json::Value;
use socketioxide_core::{
    Value as Data,
    packet::{Packet, PacketData},
    parser::{Parse, ParseConfig, ParseError, ParserState},
};
use socketioxide_parser_common::CommonParser;

use crate::{Meaning, ours::Sent};

/// Arguments of an event or an answer. Several are a tuple; `Bytes` anywhere in it travel apart.
pub(crate) fn data(args: &impl Serialize, event: Option<&str>) -> Data {
    CommonParser.encode_value(args, event).expect("what can be written")
}

/// The frames of a packet.
pub(crate) fn write(packet: Packet) -> Sent {
    let Data::Str(text, attachments) = CommonParser.encode(packet) else {
        panic!("this parser writes text");
    };
    let attachments = attachments.unwrap_or_default().iter().map(|bytes| bytes.to_vec()).collect();
    (Frame::Message(text).into(), attachments)
}

/// What a packet says, and its attachments.
pub(crate) fn read((text, attachments): &Sent) -> Result<(Meaning, Vec<Vec<u8>>), ParseError> {
    let Ok(Frame::Message(text)) = Frame::parse(ProtocolVersion::V4, text.clone()) else {
        return Err(ParseError::InvalidPacketType);
    };
    let (config, state) = (ParseConfig::default(), ParserState::default());
    let mut packet = CommonParser.decode_str(&config, &state, text);
    for attachment in attachments {
        assert!(matches!(packet, Err(ParseError::NeedsMoreBinaryData)), "too many: {packet:?}");
        packet = CommonParser.decode_bin(&config, &state, attachment.clone().into());
    }
    let packet = packet?;
    if packet.ns != "/" {
        return Err(ParseError::InvalidNamespace);
    }
    meaning(packet.inner)
}

fn meaning(packet: PacketData) -> Result<(Meaning, Vec<Vec<u8>>), ParseError> {
    let number = |ack: i64| u64::try_from(ack).map_err(|_| ParseError::InvalidAckId);
    Ok(match packet {
        PacketData::Connect(_) => (Meaning::Connect, Vec::new()),
        PacketData::Disconnect => (Meaning::Disconnect, Vec::new()),
        PacketData::ConnectError(message) => (Meaning::ConnectError { message }, Vec::new()),
        PacketData::Event(data, ack) | PacketData::BinaryEvent(data, ack) => {
            let (args, parts) = parts(data)?;
            (
                Meaning::Event {
                    ack: ack.map(number).transpose()?,
                    args,
                    attachments: parts.len(),
                },
                parts,
            )
        }
        PacketData::EventAck(data, id) | PacketData::BinaryAck(data, id) => {
            let (args, parts) = parts(data)?;
            (Meaning::Ack { id: number(id)?, args, attachments: parts.len() }, parts)
        }
    })
}

fn parts(data: Data) -> Result<(Value, Vec<Vec<u8>>), ParseError> {
    let Data::Str(text, attachments) = data else {
        return Err(ParseError::InvalidData);
    };
    let args = serde_json::from_str(&text).map_err(|_| ParseError::InvalidData)?;
    Ok((args, attachments.unwrap_or_default().iter().map(|bytes| bytes.to_vec()).collect()))
}
