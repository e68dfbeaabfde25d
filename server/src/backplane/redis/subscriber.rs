//! The connection over which the rooms' channels come. When it was lost, all that is followed is
//! subscribed to anew and compared with Redis.

use std::{convert::Infallible, sync::Arc, time::Duration};

use futures::StreamExt;
use redis::{Client, ProtocolVersion, RedisResult, aio::PubSubSink};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use super::shared::{KEEP_INTERVAL, Shared};
use crate::error::{Error, Result};

/// How long connecting may take, and how long Redis may take to confirm subscriptions.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(4);

/// How soon it is tried again.
const RETRY_INTERVAL: Duration = Duration::from_millis(250);

/// How often Redis is asked over this connection whether it is there.
const PING_INTERVAL: Duration = Duration::from_secs(1);

/// How long it may take to say so. A connection whose other end is gone in silence is given up then.
const PING_TIMEOUT: Duration = Duration::from_secs(3);

/// Channels that are subscribed to at once.
const CHANNELS_AT_ONCE: usize = 256;

impl Shared {
    /// Follows the rooms' channels. Runs until it is dropped.
    pub(crate) async fn run(self: &Arc<Self>) {
        let follow = async {
            loop {
                let Err(error) = self.follow().await;
                // Told once, and not of each try.
                match self.sink.lock().await.take() {
                    Some(_) => tracing::warn!(%error, "the channels of the rooms are lost"),
                    None => tracing::debug!(%error, "the channels of the rooms can't be had"),
                }
                sleep(RETRY_INTERVAL).await;
            }
        };
        let keep = async {
            let mut ticks = interval(KEEP_INTERVAL);
            loop {
                ticks.tick().await;
                self.keep().await;
            }
        };
        tokio::join!(follow, keep, self.tell_changes(), self.watch_servers());
    }

    /// Follows the channels until the connection is lost.
    async fn follow(self: &Arc<Self>) -> Result<Infallible> {
        let client = self.client()?;
        let pubsub = within(client.get_async_pubsub()).await?;
        let (mut sink, mut messages) = pubsub.split();
        self.resubscribe(&mut sink).await?;
        let mut ticks = interval(PING_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let ping = async {
            loop {
                ticks.tick().await;
                match timeout(PING_TIMEOUT, sink.ping::<redis::Value>()).await {
                    Ok(Ok(_)) => {}
                    Ok(Err(error)) => return Error::from(error),
                    Err(_) => return Error::BackplaneAway,
                }
            }
        };
        let hear = async {
            while let Some(message) = messages.next().await {
                self.heard(message.get_channel_name(), message.get_payload_bytes());
            }
        };
        tokio::select! {
            error = ping => Err(error),
            () = hear => Err(Error::BackplaneAway),
        }
    }

    /// Subscribes to what was subscribed to before the connection was lost, and has it compared with what
    /// Redis holds.
    async fn resubscribe(self: &Arc<Self>, to: &mut PubSubSink) -> Result<()> {
        // Nobody subscribes to a room meanwhile.
        let mut sink = self.sink.lock().await;
        let channels: Vec<String> = self.channels.lock().keys().cloned().collect();
        for channels in channels.chunks(CHANNELS_AT_ONCE) {
            within(to.subscribe(channels)).await?;
        }
        *sink = Some(to.clone());
        let rooms: Vec<_> = self.channels.lock().values().cloned().collect();
        rooms.iter().for_each(|room| self.begin_load(room));
        Ok(())
    }

    fn client(&self) -> RedisResult<Client> {
        let info = self.redis.address().connection_info();
        // Messages of channels come over a connection of their own: the second protocol does.
        let redis = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP2);
        Client::open(info.set_redis_settings(redis))
    }
}

async fn within<T>(answer: impl Future<Output = RedisResult<T>>) -> Result<T> {
    match timeout(CONNECT_TIMEOUT, answer).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(Error::BackplaneAway),
    }
}
