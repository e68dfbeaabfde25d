//! What the OpenAPI document says besides the routes: its title, and what opens them.

use aide::openapi::{
    ApiKeyLocation, OpenApi, Operation, Parameter, ParameterData, ParameterSchemaOrContent,
    PathStyle, ReferenceOr, SchemaObject, SecurityScheme,
};
use schemars::JsonSchema;

/// What a caller opens a route with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opener {
    /// A user's token.
    Token,
    /// A project's `X-Ingest-Key`.
    IngestKey,
    /// The `X-Api-Key` of back ends.
    ApiKey,
    /// The `X-Signature-256` of webhooks.
    Signature,
}

impl Opener {
    const ALL: [Self; 4] = [Self::Token, Self::IngestKey, Self::ApiKey, Self::Signature];

    fn name(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::IngestKey => "ingestKey",
            Self::ApiKey => "apiKey",
            Self::Signature => "signature",
        }
    }

    fn scheme(self) -> SecurityScheme {
        let header = |name: &str, description: &str| SecurityScheme::ApiKey {
            location: ApiKeyLocation::Header,
            name: name.into(),
            description: Some(description.into()),
            extensions: Default::default(),
        };
        match self {
            Self::Token => SecurityScheme::Http {
                scheme: "bearer".into(),
                bearer_format: Some("JWT".into()),
                description: Some("A user's token".into()),
                extensions: Default::default(),
            },
            Self::IngestKey => header("X-Ingest-Key", "A project's key, for its tracked pages"),
            Self::ApiKey => header("X-Api-Key", "The key of back ends (PUBLISH_KEY)"),
            Self::Signature => header(
                "X-Signature-256",
                "HMAC-SHA256 of the body by WEBHOOK_SECRET, in hexadecimal digits",
            ),
        }
    }

    /// Notes that an operation is opened by this.
    pub(crate) fn opens(self, operation: &mut Operation) {
        operation.security.push([(self.name().to_owned(), Vec::new())].into_iter().collect());
    }
}

/// A document with everything but the routes.
pub(crate) fn document() -> OpenApi {
    let mut api = OpenApi::default();
    api.info.title = "Samewire".into();
    api.info.version = samewire_protocol::VERSION.into();
    let components = api.components.get_or_insert_default();
    for opener in Opener::ALL {
        let scheme = ReferenceOr::Item(opener.scheme());
        components.security_schemes.insert(opener.name().into(), scheme);
    }
    api
}

/// Names the parts of each path, which a handler that takes a single one doesn't name.
pub(crate) fn name_path_parts(api: &mut OpenApi) {
    let Some(paths) = &mut api.paths else { return };
    for (path, item) in &mut paths.paths {
        let ReferenceOr::Item(item) = item else { continue };
        let parts: Vec<&str> =
            path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect();
        let operations =
            [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete];
        for operation in operations.into_iter().flatten() {
            let named: Vec<String> = operation
                .parameters
                .iter()
                .filter_map(|parameter| {
                    Some(parameter.as_item()?.parameter_data_ref().name.clone())
                })
                .collect();
            let missing = parts.iter().filter(|part| !named.iter().any(|name| name == *part));
            operation.parameters.extend(missing.map(|part| ReferenceOr::Item(path_part(part))));
        }
    }
}

/// A part of a path: an id, as all of them are.
fn path_part(name: &str) -> Parameter {
    let mut generator = schemars::SchemaGenerator::default();
    Parameter::Path {
        parameter_data: ParameterData {
            name: name.into(),
            description: None,
            required: true,
            deprecated: None,
            format: ParameterSchemaOrContent::Schema(SchemaObject {
                json_schema: String::json_schema(&mut generator),
                external_docs: None,
                example: None,
            }),
            example: None,
            examples: Default::default(),
            explode: None,
            extensions: Default::default(),
        },
        style: PathStyle::Simple,
    }
}
