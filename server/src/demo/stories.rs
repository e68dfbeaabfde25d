//! Stories of the coffee club: texts, recordings of a few notes each, and what is said about them.

use std::{f64::consts::TAU, sync::Arc};

use rand::{RngExt, seq::IndexedRandom};
use samewire_protocol::{
    id::{ProjectId, UserId},
    stories::{InteractionType, Story},
};

use super::{PROJECT, USERS, pause};
use crate::{
    domains::{
        Domains, Stories,
        projects::Role,
        stories::{ChangeInteraction, NewInteraction, NewStory},
    },
    engine::Engine,
    error::Result,
};

/// Who belongs to the club besides its owner.
const MEMBERS: [(&str, Role); 3] =
    [("grace", Role::Facilitator), ("alan", Role::Storyteller), ("katherine", Role::Storyteller)];

/// Samples of a second of the recordings.
const SAMPLE_RATE: u32 = 8000;

/// The tones of the recordings, in hertz.
const NOTES: [f64; 6] = [262.0, 294.0, 330.0, 392.0, 440.0, 523.0];

/// Stories and interactions at most: a demo that is left alone doesn't fill the disk.
const MAX_STORIES: usize = 20;
const MAX_INTERACTIONS: usize = 60;

/// Who told it, its title, its text, and the notes of its recording.
const STORIES: [(&str, &str, Option<&str>, &[usize]); 3] = [
    (
        "ada",
        "How the club began",
        Some(
            "It began with a machine that nobody wanted. Somebody had left it in the hall, with a \
             note: it leaks, but it sings. By spring there were nine of us, and it still leaked.",
        ),
        &[],
    ),
    ("alan", "The machine, singing", None, &[0, 2, 3, 5, 3, 2, 0]),
    (
        "katherine",
        "What the kettle plays",
        Some("Three notes up when it is hot, and one down when somebody takes it off."),
        &[0, 2, 4, 1],
    ),
];

/// What is said about the first story, and by whom.
const SAID: [(&str, InteractionType, &str); 3] = [
    ("grace", InteractionType::Question, "Does anybody still have the note?"),
    ("ada", InteractionType::Answer, "It hangs above the sink."),
    ("katherine", InteractionType::Comment, "Ten of us, if you count the cat."),
];

/// What somebody says now and then.
const REMARKS: [(InteractionType, &str); 6] = [
    (InteractionType::Comment, "I could listen to this all day."),
    (InteractionType::Question, "When was that?"),
    (InteractionType::Comment, "That is how I remember it, too."),
    (InteractionType::Question, "Who is that in the background?"),
    (InteractionType::Answer, "In the winter before last."),
    (InteractionType::Comment, "Somebody ought to write this down."),
];

/// Tells the first stories, then has people talk about them and tell more, until it is dropped.
pub(super) async fn play(engine: &Arc<Engine>, domains: &Domains) {
    let told = async {
        let owner = UserId::from(USERS[0].0);
        let projects = domains.projects.of_user(&owner).await?;
        let Some(club) = projects.into_iter().find(|project| project.name == PROJECT) else {
            return Ok(());
        };
        for (member, role) in MEMBERS {
            domains.projects.set_role(&club.id, &UserId::from(member), role).await?;
        }
        let mut stories = begin(engine, &domains.stories, &club.id).await?;
        let mut said = 0;
        loop {
            pause(8_000..20_000).await;
            // Visitors may have changed the club as they liked.
            if let Err(error) =
                go_on(engine, &domains.stories, &club.id, &mut stories, &mut said).await
            {
                tracing::debug!(code = %error.code(), "somebody of the demo fell silent");
            }
        }
    };
    let told: Result<()> = told.await;
    if let Err(error) = told {
        tracing::warn!(code = %error.code(), "the demo's stories can't be told");
    }
    std::future::pending().await
}

/// The first stories, where there are none yet.
async fn begin(engine: &Engine, domain: &Stories, club: &ProjectId) -> Result<Vec<Story>> {
    let mut stories = domain.latest(club).await?;
    if !stories.is_empty() {
        return Ok(stories);
    }
    for (teller, title, text, notes) in STORIES {
        let recording = melody(notes.iter().map(|note| NOTES[*note]));
        let new = match notes {
            [] => NewStory::written(title, text.unwrap_or_default())?,
            _ => domain.recorded(title, text, &recording).await?,
        };
        stories.push(domain.tell(engine, &UserId::from(teller), club, new).await?);
    }
    for (author, kind, content) in SAID {
        let new = NewInteraction { kind, content: content.into() };
        domain.interact(engine, &UserId::from(author), &stories[0].id, new).await?;
    }
    Ok(stories)
}

/// Somebody says something; a question may be settled, and a story told.
async fn go_on(
    engine: &Engine,
    domain: &Stories,
    club: &ProjectId,
    stories: &mut Vec<Story>,
    said: &mut usize,
) -> Result<()> {
    let (story, teller, remark, tells, settles) = {
        let mut rng = rand::rng();
        (
            stories.choose(&mut rng).cloned(),
            MEMBERS.choose(&mut rng).map_or("alan", |(member, _)| member),
            REMARKS.choose(&mut rng).copied(),
            rng.random_bool(0.2),
            rng.random_bool(0.3),
        )
    };
    if tells && stories.len() < MAX_STORIES {
        let notes: Vec<f64> = {
            let mut rng = rand::rng();
            (0..6).filter_map(|_| NOTES.choose(&mut rng).copied()).collect()
        };
        let title = format!("Humming, take {}", stories.len() - 1);
        let new = domain.recorded(&title, None, &melody(notes.into_iter())).await?;
        stories.push(domain.tell(engine, &UserId::from(teller), club, new).await?);
    } else if let (Some(story), Some((kind, content))) = (story, remark)
        && *said < MAX_INTERACTIONS
    {
        *said += 1;
        let author = UserId::from(teller);
        let new = NewInteraction { kind, content: content.into() };
        let interaction = domain.interact(engine, &author, &story.id, new).await?;
        if settles && kind == InteractionType::Question {
            pause(2_000..5_000).await;
            let change = ChangeInteraction { content: None, resolved: Some(true) };
            domain.change_interaction(engine, &author, &interaction.id, change).await?;
        }
    }
    Ok(())
}

/// Notes one after the other, as WAV of one channel in 16 bits.
fn melody(notes: impl Iterator<Item = f64>) -> Vec<u8> {
    let frames = SAMPLE_RATE / 2;
    let mut samples = Vec::new();
    for note in notes {
        for frame in 0..frames {
            let (at, end) = (f64::from(frame), f64::from(frames));
            let fading = 1.0 - at / end;
            let value = (TAU * note * at / f64::from(SAMPLE_RATE)).sin() * fading * 9000.0;
            #[allow(clippy::cast_possible_truncation, reason = "within 16 bits")]
            samples.extend_from_slice(&(value as i16).to_le_bytes());
        }
    }
    let size = u32::try_from(samples.len()).unwrap_or(u32::MAX);
    let mut wav = Vec::with_capacity(44 + samples.len());
    wav.extend_from_slice(b"RIFF");
    wav.extend_from_slice(&(36 + size).to_le_bytes());
    wav.extend_from_slice(b"WAVEfmt ");
    wav.extend_from_slice(&16_u32.to_le_bytes());
    wav.extend_from_slice(&1_u16.to_le_bytes());
    wav.extend_from_slice(&1_u16.to_le_bytes());
    wav.extend_from_slice(&SAMPLE_RATE.to_le_bytes());
    wav.extend_from_slice(&(2 * SAMPLE_RATE).to_le_bytes());
    wav.extend_from_slice(&2_u16.to_le_bytes());
    wav.extend_from_slice(&16_u16.to_le_bytes());
    wav.extend_from_slice(b"data");
    wav.extend_from_slice(&size.to_le_bytes());
    wav.extend_from_slice(&samples);
    wav
}
