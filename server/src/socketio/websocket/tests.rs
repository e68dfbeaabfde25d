//! A driver on one end of a pipe, another implementation on the other, and a clock of the tests' own.

use std::panic::AssertUnwindSafe;

use futures::{FutureExt, SinkExt, StreamExt};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};
use tokio_tungstenite::WebSocketStream;
use tungstenite::{Message, protocol::Role};

use super::{
    driver::LINGER,
    outbox::MAX_WAITING_BYTES,
    turn::{MANY, WRITES, turn},
    *,
};
use crate::socketio::Incoming;

const SETTINGS: Settings = Settings {
    ping_interval: Duration::from_secs(25),
    ping_timeout: Duration::from_secs(60),
    max_waiting: 16,
    max_message_bytes: 200_000,
    queue_bytes: 1_000_000,
};

/// A connection whose system holds so many bytes that aren't taken, and the client's end.
fn connect(buffer: usize) -> (Arc<WebSocket>, JoinHandle<()>, DuplexStream) {
    let (socket, theirs) = connect_without_a_task(buffer);
    let driven = socket.clone();
    (socket, tokio::spawn(async move { driven.drive().await }), theirs)
}

/// The same, where nothing is done that others don't do for it.
fn connect_without_a_task(buffer: usize) -> (Arc<WebSocket>, DuplexStream) {
    let (ours, theirs) = duplex(buffer);
    (Arc::new(WebSocket::new(SETTINGS, None, Box::new(ours), b"")), theirs)
}

async fn client(end: DuplexStream) -> WebSocketStream<DuplexStream> {
    WebSocketStream::from_raw_socket(end, Role::Client, None).await
}

async fn emit(socket: &Arc<WebSocket>, frame: &Frame) {
    while socket.emit(frame.clone()) == Err(SendError::Full) {
        socket.wait_for_space().await;
    }
}

#[tokio::test(start_paused = true)]
async fn frames_of_every_size_arrive_whole_and_in_order() {
    for buffer in [1, 7, 130, 100_000] {
        let (socket, _driver, end) = connect(buffer);
        let frames: Vec<Frame> = [0, 1, 123, 124, 125, 126, 127, 1000, 65_533, 65_534, 65_535, 9]
            .into_iter()
            .flat_map(|length| [length, 3])
            .map(|length| {
                let values = ["y".repeat(length), "z".into()].into_iter().take(length % 3);
                Frame::new("x".repeat(length), values.collect())
            })
            .collect();
        let sending = tokio::spawn({
            let frames = frames.clone();
            async move {
                for frame in &frames {
                    emit(&socket, frame).await;
                }
                socket
            }
        });
        let mut client = client(end).await;
        for frame in &frames {
            let text = client.next().await.unwrap().unwrap().into_text().unwrap();
            assert!(text == format!("4{}", frame.text()), "{frame:?} through {buffer}");
            for value in frame.attachments().as_slice() {
                let message = client.next().await.unwrap().unwrap();
                assert!(message == Message::Binary(value.clone()), "{frame:?} through {buffer}");
            }
        }
        let socket = sending.await.unwrap();
        let outbox = socket.outbox.lock();
        assert_eq!((outbox.count, outbox.bytes), (0, 0), "all is accounted for");
    }
}

#[tokio::test(start_paused = true)]
async fn a_frame_says_its_length_in_as_few_bytes_as_it_can() {
    let (socket, _driver, mut end) = connect(10_000);
    socket.open();
    let mut head = [0; 4];
    end.read_exact(&mut head[..2]).await.unwrap();
    assert!(head[1] < 126, "the first packet is short here, and other clients take a longer head");
    end.read_exact(&mut vec![0; head[1].into()]).await.unwrap();
    for (length, expected) in [(124, [0x81, 125, b'4', b'x']), (125, [0x81, 126, 0, 126])] {
        socket.emit("x".repeat(length).into()).unwrap();
        end.read_exact(&mut head).await.unwrap();
        assert_eq!(head, expected);
        end.read_exact(&mut vec![0; length + 1 + usize::from(head[1] == 126) * 2 - 2])
            .await
            .unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn what_waits_goes_into_one_write() {
    let (socket, _driver, mut end) = connect(10_000);
    for n in 0..10 {
        socket.emit(n.to_string().into()).unwrap();
    }
    // The driver has not run yet: one read takes all that it writes at once.
    let mut read = [0; 1000];
    assert_eq!(end.read(&mut read).await.unwrap(), 10 * 4);
}

#[tokio::test(start_paused = true)]
async fn what_is_sent_in_turns_is_written_after_them_in_one_write() {
    let (socket, mut end) = connect_without_a_task(10_000);
    let mut read = [0; 1000];
    for _ in 0..2 {
        turn(|| (0..5).for_each(|n| socket.emit(n.to_string().into()).unwrap()));
    }
    assert!(end.read(&mut read).now_or_never().is_none(), "not before what else is ready has run");
    assert_eq!(end.read(&mut read).await.unwrap(), 2 * 5 * 4);

    let panicked = std::panic::catch_unwind(AssertUnwindSafe(|| {
        turn(|| {
            socket.emit("x".into()).unwrap();
            panic!("a handler of the application's");
        });
    }));
    assert!(panicked.is_err());
    assert_eq!(end.read(&mut read).await.unwrap(), 4, "and then, too");

    socket.emit("x".into()).unwrap();
    let written = timeout(LINGER, end.read(&mut read)).await;
    assert!(written.is_err(), "outside of a turn its own task writes");
}

#[tokio::test(start_paused = true)]
async fn many_are_not_kept_waiting_for_further_turns() {
    let mut connections: Vec<_> = (0..=MANY).map(|_| connect_without_a_task(100)).collect();
    for (socket, _) in &connections {
        turn(|| socket.emit("x".into()).unwrap());
    }
    let mut read = [0; 100];
    let (_, last) = connections.last_mut().unwrap();
    assert!(last.read(&mut read).now_or_never().is_none());
    for (_, end) in &mut connections[..MANY] {
        assert_eq!(end.read(&mut read).now_or_never().unwrap().unwrap(), 4);
    }
    let (_, last) = connections.last_mut().unwrap();
    assert_eq!(last.read(&mut read).await.unwrap(), 4);
}

#[test]
fn what_was_sent_is_written_also_where_no_task_runs_any_more() {
    let run = || tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let mut read = [0; 100];
    for _ in 0..2 {
        let (socket, mut end) = connect_without_a_task(100);
        run().block_on(async { turn(|| socket.emit("x".into()).unwrap()) });
        assert_eq!(end.read(&mut read).now_or_never().unwrap().unwrap(), 4);
    }
}

#[tokio::test(start_paused = true)]
async fn a_turn_leaves_to_their_own_tasks_what_it_cannot_write() {
    // More of it than the client's system takes, and to more of them than one turn writes to.
    let mut connections: Vec<_> = (0..=WRITES).map(|_| connect(10)).collect();
    turn(|| {
        for (socket, ..) in &connections {
            socket.emit("x".repeat(100).into()).unwrap();
        }
    });
    for (.., end) in &mut connections {
        end.read_exact(&mut [0; 103]).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn what_came_with_the_request_is_read_first() {
    let (ours, mut end) = duplex(1000);
    let early = [0x81, 0x82, 0, 0, 0, 0, b'4', b'a', 0x81, 0x82, 0, 0];
    let socket = Arc::new(WebSocket::new(SETTINGS, None, Box::new(ours), &early));
    let driven = socket.clone();
    tokio::spawn(async move { driven.drive().await });
    end.write_all(&[0, 0, b'4', b'b']).await.unwrap();
    for text in ["a", "b"] {
        assert_eq!(socket.link.receive().await, Incoming::Text(text.into()));
    }
}

#[tokio::test(start_paused = true)]
async fn messages_are_read_in_order_whole_or_in_parts() {
    let (socket, _driver, end) = connect(50);
    let mut client = client(end).await;
    for length in [0, 1, 125, 126, 70_000] {
        client.send(Message::text(format!("4{}", "é".repeat(length)))).await.unwrap();
        assert_eq!(socket.link.receive().await, Incoming::Text("é".repeat(length).into()));
    }
    client.send(Message::binary([1, 2, 3].as_slice())).await.unwrap();
    assert_eq!(socket.link.receive().await, Incoming::Binary([1, 2, 3].as_slice().into()));
    let end = client.get_mut();
    // "4hi" in two fragments, masked by zeros, with a ping between them.
    end.write_all(&[0x01, 0x82, 0, 0, 0, 0, b'4', b'h']).await.unwrap();
    end.write_all(&[0x89, 0x81, 0, 0, 0, 0, b'p']).await.unwrap();
    end.write_all(&[0x80, 0x81, 0, 0, 0, 0, b'i']).await.unwrap();
    assert_eq!(socket.link.receive().await, Incoming::Text("hi".into()));
    let mut pong = [0; 3];
    end.read_exact(&mut pong).await.unwrap();
    assert_eq!(pong, [0x8a, 1, b'p']);
}

#[tokio::test(start_paused = true)]
async fn what_no_client_may_send_ends_the_connection() {
    for frame in [
        &[0x81, 0x02, b'4', b'x'][..],                     // not masked
        &[0x81, 0x82, 0, 0, 0, 0, b'4', 0xff],             // not UTF-8
        &[0x81, 0x81, 0, 0, 0, 0, b'1'],                   // Engine.IO's CLOSE
        &[0x81, 0x81, 0, 0, 0, 0, b'7'],                   // no Engine.IO packet
        &[0x81, 0x80, 0, 0, 0, 0],                         // an empty one
        &[0xc1, 0x81, 0, 0, 0, 0, b'4'],                   // a reserved bit
        &[0x81, 0xff, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0], // 256 KiB are too much
        &[0x88, 0x80, 0, 0, 0, 0],                         // a close frame
    ] {
        let (socket, driver, mut end) = connect(1000);
        end.write_all(frame).await.unwrap();
        timeout(Duration::from_secs(2), driver).await.expect("it ends").unwrap();
        socket.wait_for_end().await;
        assert_eq!(socket.emit("x".into()), Err(SendError::Closed));
    }
}

#[tokio::test(start_paused = true)]
async fn a_full_buffer_refuses_and_says_when_it_has_room() {
    let (socket, _driver, end) = connect(64);
    let frame: Frame = "x".repeat(100).into();
    let mut taken = 0;
    while socket.emit(frame.clone()).is_ok() {
        taken += 1;
    }
    assert_eq!(taken, SETTINGS.max_waiting);
    let mut client = client(end).await;
    let read = async {
        for _ in 0..taken {
            client.next().await.unwrap().unwrap();
        }
    };
    let ((), ()) = tokio::join!(read, socket.wait_for_space());
    assert_eq!(socket.emit(frame), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_buffer_is_bounded_in_bytes_too() {
    let (socket, _driver, _end) = connect(64);
    let large: Frame = "x".repeat(MAX_WAITING_BYTES - 1).into();
    assert_eq!(socket.emit(large.clone()), Ok(()));
    assert_eq!(socket.emit(large), Err(SendError::Full));
    assert_eq!(socket.emit("x".into()), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_takes_nothing_is_gone_in_time() {
    let (socket, driver, _end) = connect(64);
    socket.emit("x".repeat(1000).into()).unwrap();
    let began = Instant::now();
    driver.await.unwrap();
    assert_eq!(began.elapsed().as_secs(), STALL_TIMEOUT.as_secs());
    socket.wait_for_end().await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_answers_pings_stays_and_a_silent_one_goes() {
    let (_socket, driver, end) = connect(64);
    let mut client = client(end).await;
    for _ in 0..5 {
        let began = Instant::now();
        assert_eq!(client.next().await.unwrap().unwrap(), Message::text("2"));
        assert_eq!(began.elapsed().as_secs(), SETTINGS.ping_interval.as_secs());
        client.send(Message::text("3")).await.unwrap();
    }
    let began = Instant::now();
    driver.await.unwrap();
    let silent = SETTINGS.ping_interval + SETTINGS.ping_timeout;
    assert_eq!(began.elapsed().as_secs(), silent.as_secs());
}

#[tokio::test(start_paused = true)]
async fn a_client_that_asks_and_reads_no_answer_costs_no_more_than_so_much() {
    let (socket, driver, mut end) = connect(64);
    let flood = async {
        // Pings of 125 bytes each, until the other end is gone.
        let mut ping = vec![0x89, 0xfd, 0, 0, 0, 0];
        ping.resize(6 + 125, b'p');
        while end.write_all(&ping).await.is_ok() {
            assert!(socket.outbox.lock().count <= 2 * SETTINGS.max_waiting + 1);
        }
    };
    timeout(Duration::from_secs(1), flood).await.expect("it is cut off");
    driver.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_was_queued_before_the_end_arrives() {
    let (socket, driver, end) = connect(7);
    for n in 0..SETTINGS.max_waiting {
        socket.emit(n.to_string().into()).unwrap();
    }
    socket.close();
    assert_eq!(socket.emit("late".into()), Err(SendError::Closed));
    let mut client = client(end).await;
    for n in 0..SETTINGS.max_waiting {
        assert_eq!(client.next().await.unwrap().unwrap(), Message::text(format!("4{n}")));
    }
    assert_eq!(client.next().await.unwrap().unwrap(), Message::text("1"));
    assert!(client.next().await.unwrap().unwrap().is_close());
    driver.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn where_both_ends_close_at_once_one_close_frame_is_written() {
    let (socket, driver, mut end) = connect(1000);
    // The driver has not run yet: it finds both.
    end.write_all(&[0x88, 0x80, 0, 0, 0, 0]).await.unwrap();
    socket.close();
    let mut written = Vec::new();
    end.read_to_end(&mut written).await.unwrap();
    assert_eq!(written, [0x81, 1, b'1', 0x88, 0], "a browser complains of a second one");
    driver.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn nothing_follows_a_close_frame() {
    // The system takes the first bytes; the rest waits until after the next ping is due.
    let (socket, _driver, mut end) = connect(7);
    sleep(SETTINGS.ping_interval - LINGER / 2).await;
    socket.emit("x".repeat(10).into()).unwrap();
    end.write_all(&[0x88, 0x80, 0, 0, 0, 0]).await.unwrap();
    sleep(LINGER * 3 / 4).await;
    let mut written = Vec::new();
    end.read_to_end(&mut written).await.unwrap();
    assert_eq!(written[..2], [0x81, 11]);
    assert_eq!(written[13..], [0x88, 0]);
}

#[tokio::test(start_paused = true)]
async fn an_end_does_not_wait_for_a_client_that_takes_nothing() {
    let (socket, driver, _end) = connect(7);
    socket.emit("x".repeat(100).into()).unwrap();
    sleep(Duration::from_secs(1)).await;
    socket.close();
    let began = Instant::now();
    driver.await.unwrap();
    assert_eq!(began.elapsed(), LINGER);
}
