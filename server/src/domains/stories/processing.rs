//! The job that reads what was uploaded.

use std::{io, sync::Arc};

use samewire_protocol::{
    id::StoryId,
    stories::{Story, StoryProcessed, StoryProcessing, StoryStatus},
};
use tokio::{
    sync::mpsc,
    task::spawn_blocking,
    time::{MissedTickBehavior, interval},
};
use unicode_segmentation::UnicodeSegmentation;

use super::{
    Stories,
    jobs::{self, Going, PROGRESS_PERIOD},
    queries,
    recording::{self, Position, Recording},
    room,
};
use crate::{
    backplane::once::of_job,
    clock,
    engine::Engine,
    error::Result,
    store::untold::{self, What},
};

/// Stories that are read at the same time.
const AT_ONCE: usize = 2;

/// Bytes of a recording are read twice, for its checksum and for its audio: a half each.
const STAGES: [(&str, f64); 3] = [("checksum", 0.0), ("audio", 0.5), ("text", 1.0)];

/// Words of a text (Unicode, UAX #29).
pub(super) fn words(text: &str) -> u32 {
    u32::try_from(text.unicode_words().count()).unwrap_or(u32::MAX)
}

impl Stories {
    /// Processes stories for as long as the server runs.
    pub(super) async fn process(self, engine: Arc<Engine>) {
        let find = async |limit| {
            let pool = self.store.pool();
            let untold = untold::all(pool, What::Story, limit).await?;
            let mut found: Vec<_> = untold.into_iter().map(StoryId).collect();
            found.extend(queries::stories::to_process(pool, limit).await?);
            Ok(found)
        };
        let work = |id| {
            let (domain, engine) = (self.clone(), engine.clone());
            async move { domain.process_one(&engine, &id).await }
        };
        jobs::run(&engine, &self.to_process, AT_ONCE, find, work).await;
    }

    async fn process_one(&self, engine: &Arc<Engine>, id: &StoryId) -> Result<()> {
        let story = self.story(id).await?;
        let project = story.project_id.clone();
        if story.status == StoryStatus::Processing && !self.find_out(engine, story).await? {
            return Ok(());
        }
        let _lock = engine.lock(&room(&project)).await?;
        let pool = self.store.pool();
        if !untold::is_untold(pool, What::Story, id.as_str()).await? {
            return Ok(());
        }
        let story = self.story(id).await?;
        let told =
            StoryProcessed { project_id: project.clone(), timestamp: clock::timestamp(), story };
        of_job(format!("story:{id}"), engine.publish(&room(&project), &told)).await?;
        untold::told(engine, pool, What::Story, id.as_str()).await;
        Ok(())
    }

    /// Stores what there is to find out about a story. Says whether it did: not where the server stops.
    async fn find_out(&self, engine: &Arc<Engine>, story: Story) -> Result<bool> {
        let recording = match story.size {
            None => None,
            Some(size) => match self.read_recording(engine, &story, size.get()).await? {
                Some(read) => Some(read),
                // The server is stopping.
                None => return Ok(false),
            },
        };
        tell(engine, &story, "text", 1.0).await?;
        let _lock = engine.lock(&room(&story.project_id)).await?;
        // Its transcript may have changed meanwhile.
        let mut story = self.story(&story.id).await?;
        story.word_count = story.transcript.as_deref().map(words);
        story.status = StoryStatus::Processed;
        match recording {
            None => {}
            Some(Err(failure)) => {
                story.status = StoryStatus::Failed;
                story.failure = Some(failure);
            }
            Some(Ok(recording)) => {
                story.media_type = Some(recording.media_type);
                story.checksum = Some(recording.checksum);
                match recording.audio {
                    Ok(audio) => {
                        story.duration =
                            audio.map(|audio| queries::stories::seconds(audio.duration_ms));
                        story.sample_rate = audio.and_then(|audio| audio.sample_rate);
                    }
                    Err(failure) => {
                        story.status = StoryStatus::Failed;
                        story.failure = Some(failure);
                    }
                }
            }
        }
        Ok(queries::stories::processed(self.store.pool(), &story).await?)
    }

    /// Reads a recording, and tells how far that is. What is given is why it can't be read where it
    /// can't, and nothing where the server stops.
    async fn read_recording(
        &self,
        engine: &Arc<Engine>,
        story: &Story,
        size: u64,
    ) -> Result<Option<std::result::Result<Recording, String>>> {
        let path = self.media.recording(&story.id);
        let position = Arc::new(Position::default());
        let (stage, mut stages) = mpsc::unbounded_channel();
        let (going, _goes_on) = Going::new();
        let mut reading = spawn_blocking({
            let (position, engine) = (position.clone(), engine.clone());
            let stage = move |name| {
                let _ = stage.send(name);
            };
            let go_on = move || going.goes_on() && !engine.is_stopping();
            move || recording::read(&path, &position, stage, go_on)
        });
        let mut ticks = interval(PROGRESS_PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // A beginning is told at once, the rest as the clock ticks.
        ticks.tick().await;
        let mut at = STAGES[0];
        let read = loop {
            tokio::select! {
                biased;
                Some(name) = stages.recv() => {
                    at = STAGES.into_iter().find(|(known, _)| *known == name).unwrap_or(at);
                    tell(engine, story, at.0, at.1).await?;
                }
                read = &mut reading => break read,
                _ = ticks.tick() => {
                    #[allow(clippy::cast_precision_loss, reason = "a share of a size")]
                    let share = position.get() as f64 / size.max(1) as f64;
                    tell(engine, story, at.0, at.1 + share.min(1.0) / 2.0).await?;
                }
            }
        };
        if engine.is_stopping() {
            return Ok(None);
        }
        Ok(Some(match read {
            Ok(Ok(recording)) => Ok(recording),
            Ok(Err(error)) if error.kind() == io::ErrorKind::NotFound => {
                tracing::error!(
                    story = %story.id,
                    "a recording isn't in MEDIA_DIR: where there are several servers they must share it"
                );
                Err("the recording is no longer there".into())
            }
            Ok(Err(error)) => {
                tracing::error!(%error, story = %story.id, "a recording can't be read");
                Err("the recording can't be read from the disk".into())
            }
            // A panic, which the panic hook has told of.
            Err(_) => Err("the recording can't be read".into()),
        }))
    }
}

async fn tell(engine: &Engine, story: &Story, stage: &str, progress: f64) -> Result<()> {
    let told = StoryProcessing {
        project_id: story.project_id.clone(),
        timestamp: clock::timestamp(),
        story_id: story.id.clone(),
        stage: stage.into(),
        progress,
    };
    engine.publish(&room(&story.project_id), &told).await.map(drop)
}
