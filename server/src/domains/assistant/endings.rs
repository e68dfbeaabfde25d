//! How the end of an answer is told: to the room, once, by whichever server finds that it has ended.

use std::{sync::Arc, time::Duration};

use samewire_protocol::{
    ErrorCode,
    assistant::{AiTypingStarted, AiTypingStopped, MessageChunk, MessageComplete, MessageError},
};
use tokio::time::sleep;

use super::{
    Assistant, queries, room,
    states::{self, Open, Outcome, Question},
};
use crate::{backplane::once::of_job, clock, engine::Engine, error::Result, retained::Retain};

/// How soon what the database failed at is tried again.
pub(super) const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// The end of an answer.
#[derive(Debug)]
pub(super) struct Ending {
    pub(super) outcome: Outcome,
    /// Whether the room was told that it begins.
    pub(super) begun: bool,
    /// Why it broke off; nothing where the server is gone that knew.
    pub(super) reason: Option<(ErrorCode, String)>,
}

impl Ending {
    /// Of an answer whose server is gone.
    pub(super) fn left_behind(outcome: Outcome) -> Self {
        Self { outcome, begun: true, reason: None }
    }
}

impl Assistant {
    /// Ends an answer, or tells its end, that a server left behind which is gone.
    pub(super) async fn end_left_behind(
        &self,
        engine: &Arc<Engine>,
        question: &Question,
        open: Open,
    ) -> Result<()> {
        let (pool, conversation) = (self.store.pool(), &question.message.conversation_id);
        let _lock = engine.lock(&room(conversation)).await?;
        let outcome = match open {
            Open::Untold(outcome) => outcome,
            Open::Stopping => Outcome::Cancelled,
            Open::Waiting | Open::Running => Outcome::Broken,
        };
        let is_so = match open {
            Open::Untold(_) => {
                let now = states::open_of(pool, conversation, &question.answer).await?;
                now.is_some_and(|(_, now)| now == open)
            }
            _ => states::break_off(pool, &question.answer, open, outcome).await?,
        };
        if is_so {
            self.tell_end(engine, question, Ending::left_behind(outcome)).await?;
        }
        Ok(())
    }

    /// Tells how an answer ended, as it is stored. To be called under its conversation's lock.
    pub(super) async fn tell_end(
        &self,
        engine: &Arc<Engine>,
        question: &Question,
        ending: Ending,
    ) -> Result<()> {
        // Who hears of it may ask again at once.
        self.answers.answered(&question.message.conversation_id, &question.answer);
        let pool = self.store.pool();
        let outcome = ending.outcome;
        let name = format!("answer:{}", question.answer);
        of_job(name, self.publish_end(engine, question, ending)).await?;
        // Otherwise it would be told once more.
        while let Err(error) = states::told(pool, &question.answer, outcome).await {
            tracing::error!(%error, "it can't be noted that the end of an answer was told");
            tokio::select! {
                () = engine.stopped() => break,
                () = sleep(RETRY_PAUSE) => {}
            }
        }
        Ok(())
    }

    async fn publish_end(
        &self,
        engine: &Engine,
        question: &Question,
        Ending { outcome, begun, reason }: Ending,
    ) -> Result<()> {
        let pool = self.store.pool();
        let conversation_id = question.message.conversation_id.clone();
        let message_id = question.answer.clone();
        let stored = queries::message_of(pool, &conversation_id, &message_id).await?;
        // The conversation is gone, and its room with it.
        let Some(assistant_message) = stored else { return Ok(()) };
        queries::touch(pool, &conversation_id, clock::timestamp()).await?;
        let room = room(&conversation_id);
        if begun {
            let stopped = AiTypingStopped {
                conversation_id: conversation_id.clone(),
                message_id: message_id.clone(),
            };
            let retain = [Retain::clear::<AiTypingStarted>(), Retain::clear::<MessageChunk>()];
            engine.publish_retaining(&room, &stopped, retain).await?;
        }
        if outcome != Outcome::Broken {
            let user_message = question.message.clone();
            let complete = MessageComplete { conversation_id, user_message, assistant_message };
            engine.publish(&room, &complete).await?;
            return Ok(());
        }
        match reason {
            Some((code, message)) => {
                let error = MessageError { conversation_id, message_id, code, message };
                engine.publish(&room, &error).await?;
            }
            None => {
                let error = MessageError {
                    conversation_id,
                    message_id,
                    code: ErrorCode::AiUnavailable,
                    message: "the server ended in the middle of the answer".into(),
                };
                // Those who were connected to it aren't back yet: they are told when they join.
                let retain = [Retain::set(&error)?];
                engine.publish_retaining(&room, &error, retain).await?;
            }
        }
        Ok(())
    }
}
