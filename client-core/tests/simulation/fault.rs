//! Faults that are put in on purpose, to show that they are found.

/// What goes wrong in a run. None is in the client: each stands between it and the world, where a
/// client, or a server, that has it would show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// An emit that is sent again gets another id, so that the server acts on it again.
    RepeatsUnderNewIds,
    /// What the client drops as seen already is handed to the application all the same. So that
    /// there is something to drop, a resume asks again for the last events that were seen.
    KeepsDuplicates,
    /// What may not go the short way past the client is handed to the application by it all the same.
    PassesOutOfTurn,
    /// A refusal goes the short way of answers that say `ok`.
    TakesRefusalsForAnswers,
    /// The handshake after a lost connection names a later place in the logs than what was seen.
    ForgetsItsPlace,
    /// The server leaves out events that its log no longer holds, where a filter hides the hole.
    HidesGapsFromFilters,
    /// The server takes what it told all members for what each of them knows, though whoever joined
    /// a moment ago was shown more.
    ForgetsNewcomers,
    /// What polling hadn't fetched when a websocket took over is dropped by the server.
    DropsWhatAnUpgradeFinds,
    /// Polling is said to rest while what it asked for is still under way.
    RestsTooEarly,
    /// The client isn't told that the page is back.
    MissesReturns,
    /// It isn't told that the page is seen again.
    MissesShows,
    /// It isn't told that there is no network.
    MissesOffline,
    /// It isn't told that there is one again.
    MissesOnline,
}
