//! A board that several people move cards on: the room `room:board` with items of the kind `card`,
//! each `{ title, column, order, color? }`. `column` is `todo`, `doing` or `done`; a column shows its
//! cards by their `order`, a number that need not be whole.

use std::sync::Arc;

use rand::seq::{IndexedRandom, IteratorRandom};
use samewire_protocol::{
    RoomAddress,
    id::UserId,
    room::ROOM,
    workspace::{Action, Item, UpdateData},
};
use serde_json::json;

use super::pause;
use crate::{domains::Workspace, engine::Engine, error::Result};

/// The board's room, without its kind.
const BOARD: &str = "board";

/// What its items are called.
const CARD: &str = "card";

const COLUMNS: [&str; 3] = ["todo", "doing", "done"];

/// Who moves cards now and then.
const MOVERS: [&str; 2] = ["katherine", "alan"];

/// Title, column and color of the sample cards.
const CARDS: [(&str, &str, Option<&str>); 9] = [
    ("Order beans", "todo", Some("amber")),
    ("Descale the machine", "todo", None),
    ("Find a second grinder", "todo", Some("violet")),
    ("Ask who drinks decaf", "todo", None),
    ("Taste the Ethiopian", "doing", Some("rose")),
    ("Paint the shelf", "doing", None),
    ("Fix the door", "done", Some("teal")),
    ("Choose cups", "done", None),
    ("Write the price list", "done", None),
];

/// Puts the sample cards on an empty board.
pub(super) async fn fill(engine: &Engine, workspace: &Workspace) -> Result<()> {
    let board = RoomAddress::new(ROOM, BOARD);
    if !workspace.items(&board, CARD).await?.is_empty() {
        return Ok(());
    }
    for ((title, column, color), order) in CARDS.into_iter().zip(1..) {
        let mut data = json!({ "title": title, "column": column, "order": order });
        if let Some(color) = color {
            data["color"] = color.into();
        }
        let create = UpdateData {
            room: board.to_string(),
            entity: CARD.into(),
            action: Action::Create,
            id: None,
            data: Some(data),
            base_version: None,
        };
        workspace.change(engine, &board, &UserId::from(MOVERS[0]), create).await?;
    }
    Ok(())
}

/// Moves a card now and then, until it is dropped.
pub(super) async fn play(engine: &Arc<Engine>, workspace: &Workspace) {
    if let Err(error) = fill(engine, workspace).await {
        tracing::warn!(code = %error.code(), "the demo's board can't be filled");
    }
    loop {
        pause(4000..9000).await;
        // Somebody else may have changed the card at the same moment.
        if let Err(error) = move_one(engine, workspace).await {
            tracing::debug!(code = %error.code(), "a card of the demo was not moved");
        }
    }
}

/// Puts one card behind the last of another column.
async fn move_one(engine: &Engine, workspace: &Workspace) -> Result<()> {
    let board = RoomAddress::new(ROOM, BOARD);
    let cards = workspace.items(&board, CARD).await?;
    let Some((card, mover, column)) = choose(&cards) else { return Ok(()) };
    let Item { id, version, mut data } = card.clone();
    data["order"] = json!(last_order(&cards, column) + 1.0);
    data["column"] = column.into();
    let update = UpdateData {
        room: board.to_string(),
        entity: CARD.into(),
        action: Action::Update,
        id: Some(id),
        data: Some(data),
        base_version: Some(version),
    };
    workspace.change(engine, &board, &UserId::from(mover), update).await.map(drop)
}

/// By chance: one of the sample cards, who moves it, and to which column.
fn choose(cards: &[Item]) -> Option<(&Item, &'static str, &'static str)> {
    let mut chance = rand::rng();
    // What people put on the board is theirs to move.
    let is_sample = |card: &&Item| CARDS.iter().any(|(title, ..)| card.data["title"] == *title);
    let card = cards.iter().filter(is_sample).choose(&mut chance)?;
    let other = |column: &&&str| card.data["column"] != ***column;
    let column = COLUMNS.iter().filter(other).choose(&mut chance)?;
    Some((card, MOVERS.choose(&mut chance)?, column))
}

fn last_order(cards: &[Item], column: &str) -> f64 {
    let in_column = cards.iter().filter(|card| card.data["column"] == column);
    in_column.filter_map(|card| card.data["order"].as_f64()).fold(0.0, f64::max)
}
