//! Packets whose binary parts come after them.

use crate::{
    Payload,
    framing::{FrameError, Packet},
};

/// The packet that waits for its attachments, if one does.
#[derive(Debug)]
pub(crate) struct Assembly<P>(Option<(Packet<P>, Vec<P>)>);

impl<P: Payload> Assembly<P> {
    pub(crate) fn new() -> Self {
        Self(None)
    }

    /// Takes a packet: gives it back when it is whole.
    ///
    /// # Errors
    /// When another one waits: attachments follow their packet before anything else does.
    pub(crate) fn packet(&mut self, packet: Packet<P>) -> Result<Option<Packet<P>>, FrameError> {
        if self.is_waiting() {
            return Err(FrameError::OutOfPlace);
        }
        if missing(&packet) == 0 {
            return Ok(Some(packet));
        }
        self.0 = Some((packet, Vec::new()));
        Ok(None)
    }

    /// Whether a packet waits for attachments.
    pub(crate) fn is_waiting(&self) -> bool {
        self.0.is_some()
    }

    /// Takes an attachment: gives the packet when it is whole with it.
    ///
    /// # Errors
    /// When no packet waits for it, or the packet names one that isn't there.
    pub(crate) fn attachment(&mut self, attachment: P) -> Result<Option<Packet<P>>, FrameError> {
        let (packet, mut attachments) = self.0.take().ok_or(FrameError::OutOfPlace)?;
        attachments.push(attachment);
        if attachments.len() < missing(&packet) {
            self.0 = Some((packet, attachments));
            return Ok(None);
        }
        let whole = |args: P| args.with_attachments(&attachments).ok_or(FrameError::Body);
        Ok(Some(match packet {
            Packet::Event { ack, args, .. } => {
                Packet::Event { ack, attachments: 0, args: whole(args)? }
            }
            Packet::Ack { id, args, .. } => Packet::Ack { id, attachments: 0, args: whole(args)? },
            other => other,
        }))
    }

    /// Forgets the packet that waits.
    pub(crate) fn clear(&mut self) {
        self.0 = None;
    }
}

fn missing<P>(packet: &Packet<P>) -> usize {
    match packet {
        Packet::Event { attachments, .. } | Packet::Ack { attachments, .. } => *attachments,
        _ => 0,
    }
}
