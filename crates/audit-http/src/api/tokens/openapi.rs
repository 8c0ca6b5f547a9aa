//! `/api/v1/tokens…`: tokens, for administrators.

use audit_store::domain::{Role, limits};
use serde_json::json;
use utoipa::openapi::schema::ObjectBuilder;
use utoipa::openapi::{RefOr, Schema};

use super::{LIST, ONE};
use crate::api::native::openapi::{BODY, READ};
use crate::failure::Code;
use crate::openapi::ApiDocs;
use crate::openapi::operation::{JSON, Operation, empty, json as json_content, segment};
use crate::openapi::path::Path;
use crate::openapi::schema::{
    Members, any_of, closed, instant, integer_from, list, named, nullable_instant, nullable_instant_given, one_of, string,
};

const TAG: &str = "tokens";

pub(crate) fn docs() -> ApiDocs {
    ApiDocs {
        tag: Some((TAG, "Keys: making, listing and revoking them.")),
        paths: paths(),
        schemas: schemas(),
        parameters: Vec::new(),
    }
}

fn paths() -> Vec<Path> {
    let stored = json!({"id": 2, "name": "shop", "role": "writer", "channels": [1, 2], "created_at": "2026-11-22T17:03:40.118201Z", "expires_at": null, "revoked_at": null});
    let list = Operation::new("listTokens", TAG, "All tokens, oldest first")
        .describe("Role `admin`. Shows the tokens whose channels are all among its own, revoked ones included, and never a key.")
        .json(200, "The tokens.", named("TokenList"), json!({"results": [stored]}))
        .problems(&READ);
    let sent = json!({"name": "shop", "role": "writer", "channels": [1, 2], "expires_at": "2100-01-01T00:00:00Z"});
    let made = json!({
        "id": 2, "name": "shop", "role": "writer", "channels": [1, 2], "created_at": "2026-11-22T17:03:40.118201Z",
        "expires_at": "2100-01-01T00:00:00Z", "key": "0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f9"
    });
    let create = Operation::new("createToken", TAG, "Makes a token")
        .describe("Role `admin`, for channels of its own. The answer is the only one that ever shows the key.")
        .body(JSON, json_content(named("NewToken"), sent))
        .json(201, "The token and its key.", named("CreatedToken"), made)
        .problems(&READ)
        .problems(&BODY);
    let revoke = Operation::new("revokeToken", TAG, "Revokes a token")
        .describe(
            "Role `admin`. The key opens nothing from then on. Revoked already, or with channels that are not the caller's: 404.",
        )
        .respond(204, empty("It is revoked."))
        .problems(&READ)
        .problems(&[Code::NotFound]);
    let id = segment("id", "The id of the token.", integer_from(1), json!(2));
    vec![
        Path::new(LIST).get(list).post(create).native_options("tokensOptions", TAG),
        Path::new(ONE).segment(id).delete(revoke).native_options("tokenOptions", TAG),
    ]
}

fn schemas() -> Vec<(String, RefOr<Schema>)> {
    let token = |last: &str, schema: ObjectBuilder| {
        closed()
            .always("id", integer_from(1).description(Some("`producer_id` of what it writes; never used twice.")))
            .always("name", string().description(Some("For people.")))
            .always("role", role())
            .always("channels", named("Channels"))
            .always("created_at", instant())
            .always("expires_at", nullable_instant())
            .always(last, schema)
    };
    let key = string().description(Some("The key. It is not stored and cannot be shown again."));
    let new = closed()
        .always("name", string().min_length(Some(1)).max_length(Some(limits::TOKEN_NAME_CHARS_MAX as usize)))
        .always("role", role())
        .always("channels", named("Channels"))
        .maybe("expires_at", nullable_instant_given().description(Some("A date-time in the future, or absent: never.")));
    let all = one_of(["*"]).description(Some("All channels there are or will be."));
    let channels = any_of([all.into(), list(integer_from(0)).min_items(Some(1)).into()]);
    vec![
        ("Token".to_owned(), token("revoked_at", nullable_instant()).into()),
        ("CreatedToken".to_owned(), token("key", key).into()),
        ("NewToken".to_owned(), new.into()),
        ("TokenList".to_owned(), closed().always("results", list(named("Token"))).into()),
        ("Channels".to_owned(), channels.description(Some("Where a token holds: at most 1,000 channels in a new one.")).into()),
    ]
}

fn role() -> ObjectBuilder {
    one_of([Role::Admin, Role::Writer, Role::Reader].map(Role::name))
        .description(Some("`admin` does everything, `writer` only appends, `reader` only reads."))
}
