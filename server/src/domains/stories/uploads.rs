//! Uploads: a story's form is read as it comes, its recording straight to the disk.

use aide::{
    OperationInput,
    openapi::{MediaType, Operation, RequestBody, SchemaObject},
    operation::set_body,
};
use axum::{
    extract::{
        FromRequest, Multipart, Request,
        multipart::{Field, MultipartError},
    },
    http::StatusCode,
};
use samewire_protocol::{
    ErrorCode, SafeInteger,
    id::{ProjectId, StoryId, UserId},
    stories::{Story, StoryStatus, StoryUploaded},
};
use schemars::json_schema;

use super::{Stories, media::Part, queries, room};
use crate::{
    clock,
    engine::Engine,
    error::{Error, Result},
};

/// Longest title, in bytes.
const MAX_TITLE_BYTES: usize = 200;

/// Longest text or transcript, in bytes.
pub(super) const MAX_TEXT_BYTES: usize = 512 * 1024;

/// Stories of a project.
const MAX_STORIES: u64 = 10_000;

/// Bytes of a form besides its recording: title, text, boundaries, and fields that nobody asked for.
pub(super) const MAX_FORM_BYTES: usize = 1024 * 1024;

/// A story to be told.
#[derive(Debug)]
pub struct NewStory {
    /// Its title.
    pub title: String,
    /// Its text.
    pub text: Option<String>,
    /// Its recording.
    recording: Option<Part>,
}

impl NewStory {
    /// A story without a recording.
    ///
    /// # Errors
    /// When the title is empty or too long, or the text is too long.
    pub fn written(title: &str, text: &str) -> Result<Self> {
        Self { title: title.to_owned(), text: Some(text.to_owned()), recording: None }.checked()
    }

    fn checked(mut self) -> Result<Self> {
        self.title = self.title.trim().to_owned();
        if self.title.is_empty() || self.title.len() > MAX_TITLE_BYTES {
            return Err(Error::field("title", format!("expected 1 to {MAX_TITLE_BYTES} bytes")));
        }
        if let Some(text) = &self.text {
            check_text("text", text)?;
        }
        self.text = self.text.filter(|text| !text.is_empty());
        Ok(self)
    }
}

/// Whether a text may be as long as it is.
pub(super) fn check_text(path: &str, text: &str) -> Result<()> {
    if text.len() > MAX_TEXT_BYTES {
        return Err(Error::field(path, format!("expected at most {MAX_TEXT_BYTES} bytes")));
    }
    Ok(())
}

impl Stories {
    /// A story with a recording that is in memory.
    ///
    /// # Errors
    /// When the title is empty or too long, the text is too long, or the disk fails.
    pub async fn recorded(
        &self,
        title: &str,
        text: Option<&str>,
        recording: &[u8],
    ) -> Result<NewStory> {
        let mut part = self.media.part()?;
        part.write(recording).await?;
        let (title, text) = (title.to_owned(), text.map(ToOwned::to_owned));
        NewStory { title, text, recording: Some(part) }.checked()
    }

    /// Reads a form and stores the story that it brings.
    ///
    /// # Errors
    /// When the user may not, the form doesn't fit, something in it is too large, the project is
    /// full, or the database or the disk fails. Then nothing of it stays.
    pub(super) async fn upload(
        &self,
        engine: &Engine,
        user: &UserId,
        project: &ProjectId,
        form: Form,
    ) -> Result<Story> {
        let project = self.changed(project, user).await?.id;
        // Others wait before their body is read, and cost nothing meanwhile.
        let _turn = self.turns.take(user).await;
        let free_bytes = self.check_room(&project).await?;
        let new = form.read(self, free_bytes).await?;
        // It may have taken long.
        self.changed(&project, user).await?;
        self.tell(engine, user, &project, new).await
    }

    /// Stores a story and tells of it.
    ///
    /// # Errors
    /// When the project is full, or the database or the disk fails.
    pub async fn tell(
        &self,
        engine: &Engine,
        user: &UserId,
        project: &ProjectId,
        new: NewStory,
    ) -> Result<Story> {
        let size = new.recording.as_ref().map(Part::size);
        let story = Story {
            id: StoryId(uuid::Uuid::now_v7().to_string()),
            project_id: project.clone(),
            title: new.title,
            uploaded_by: user.clone(),
            created_at: clock::timestamp(),
            version: u32::from(new.text.is_some()),
            transcript: new.text,
            media_type: None,
            status: StoryStatus::Processing,
            failure: None,
            duration: None,
            sample_rate: None,
            size: size.and_then(SafeInteger::new),
            checksum: None,
            word_count: None,
        };
        let place = self.media.recording(&story.id);
        if let Some(recording) = new.recording {
            recording.keep(place.clone()).await?;
        }
        {
            let _lock = engine.lock(&room(project)).await?;
            let stored = async {
                // Several may have come at once.
                let free_bytes = self.check_room(project).await?;
                check_size(size.unwrap_or(0), free_bytes)?;
                queries::stories::insert(self.store.pool(), &story).await?;
                Ok(())
            };
            if let Err(error) = stored.await {
                if size.is_some() {
                    tokio::fs::remove_file(place).await?;
                }
                return Err(error);
            }
            engine
                .publish(
                    &room(project),
                    &StoryUploaded {
                        project_id: project.clone(),
                        timestamp: story.created_at,
                        story: story.clone(),
                        uploaded_by: user.clone(),
                    },
                )
                .await?;
        }
        self.to_process.notify_one();
        Ok(story)
    }

    /// Bytes that a further recording of a project may have, where one more story has a place.
    async fn check_room(&self, project: &ProjectId) -> Result<u64> {
        let extent = queries::stories::extent(self.store.pool(), project).await?;
        if extent.stories >= MAX_STORIES {
            let message = format!("a project has at most {MAX_STORIES} stories");
            return Err(Error::refused(ErrorCode::PayloadTooLarge, message));
        }
        Ok(self.settings.project_media_bytes.as_u64().saturating_sub(extent.bytes))
    }
}

fn check_size(size: u64, free_bytes: u64) -> Result<()> {
    if size > free_bytes {
        let message = "media: the project's recordings are as large as they may be together";
        return Err(Error::refused(ErrorCode::PayloadTooLarge, message));
    }
    Ok(())
}

/// A form as it comes in: `title`, `text?`, `media?`, in any order.
#[derive(Debug)]
pub(super) struct Form(Multipart);

impl<S: Send + Sync> FromRequest<S> for Form {
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self> {
        let form = Multipart::from_request(request, state).await;
        form.map(Self)
            .map_err(|_| Error::field("payload", "expected multipart/form-data with a boundary"))
    }
}

impl OperationInput for Form {
    fn operation_input(context: &mut aide::generate::GenContext, operation: &mut Operation) {
        let json_schema = json_schema!({
            "type": "object",
            "properties": {
                "title": { "type": "string", "maxLength": MAX_TITLE_BYTES },
                "text": { "type": "string", "maxLength": MAX_TEXT_BYTES },
                "media": { "type": "string", "format": "binary", "description": "A recording." },
            },
            "required": ["title"],
        });
        let schema = SchemaObject { json_schema, external_docs: None, example: None };
        let content = MediaType { schema: Some(schema), ..MediaType::default() };
        let body = RequestBody {
            content: [("multipart/form-data".into(), content)].into_iter().collect(),
            required: true,
            ..RequestBody::default()
        };
        set_body(context, operation, body);
    }
}

impl Form {
    async fn read(mut self, stories: &Stories, free_bytes: u64) -> Result<NewStory> {
        let max_bytes = stories.settings.media_bytes.as_u64();
        let (mut title, mut text, mut recording) = (None, None, None);
        while let Some(mut field) = self.0.next_field().await.map_err(refused)? {
            match field.name().unwrap_or_default() {
                "title" => {
                    once("title", &mut title, short(field, "title", MAX_TITLE_BYTES).await?)?
                }
                "text" => once("text", &mut text, short(field, "text", MAX_TEXT_BYTES).await?)?,
                "media" => {
                    let mut part = stories.media.part()?;
                    while let Some(bytes) = field.chunk().await.map_err(refused)? {
                        let size = part.size() + bytes.len() as u64;
                        if size > max_bytes {
                            let message = format!("media: expected at most {max_bytes} bytes");
                            return Err(Error::refused(ErrorCode::PayloadTooLarge, message));
                        }
                        check_size(size, free_bytes)?;
                        part.write(&bytes).await?;
                    }
                    once("media", &mut recording, part)?;
                }
                _ => {}
            }
        }
        let title = title.ok_or_else(|| Error::field("title", "is missing"))?;
        // An empty file is what a browser sends for an input that nothing was chosen in.
        let recording = recording.filter(|part| part.size() > 0);
        NewStory { title, text, recording }.checked()
    }
}

/// Takes a field that may be given once.
fn once<T>(name: &str, place: &mut Option<T>, value: T) -> Result<()> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(Error::field(name, "is given twice")),
    }
}

/// A field's text.
async fn short(mut field: Field<'_>, name: &str, max_bytes: usize) -> Result<String> {
    let mut text = Vec::new();
    while let Some(bytes) = field.chunk().await.map_err(refused)? {
        if text.len() + bytes.len() > max_bytes {
            return Err(Error::field(name, format!("expected at most {max_bytes} bytes")));
        }
        text.extend_from_slice(&bytes);
    }
    String::from_utf8(text).map_err(|_| Error::field(name, "expected UTF-8"))
}

fn refused(error: MultipartError) -> Error {
    match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            Error::refused(ErrorCode::PayloadTooLarge, "the form is larger than it may be")
        }
        _ => Error::field("payload", "expected multipart/form-data, to its end"),
    }
}
