//! The engine in a browser: what crosses the border, and in what shape.

#![cfg(target_arch = "wasm32")]

use js_sys::{Array, Date, Object, Reflect, Uint8Array};
use samewire_wasm_client as _;
use wasm_bindgen::prelude::*;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_browser);

#[wasm_bindgen(module = "/src/engine.js")]
extern "C" {
    type Engine;

    #[wasm_bindgen(js_name = makeEngine)]
    fn make_engine(wasm: &JsValue, options: &Object, checks: &JsValue, host: &Page) -> Engine;

    #[wasm_bindgen(method)]
    fn connect(this: &Engine);

    #[wasm_bindgen(method)]
    fn disconnect(this: &Engine);

    #[wasm_bindgen(method)]
    fn close(this: &Engine);

    #[wasm_bindgen(method, js_name = emit)]
    fn emit_encoded(this: &Engine, call: u32, event: &str, encoded: &Object, id: &str);

    #[wasm_bindgen(method, js_name = emitVolatile)]
    fn emit_volatile(this: &Engine, event: &str, encoded: &Object) -> JsValue;

    #[wasm_bindgen(method)]
    fn join(this: &Engine, handle: u32, room: &str);

    #[wasm_bindgen(method)]
    fn page(this: &Engine, event: &str);

    /// How many timers, sockets and rooms there are.
    #[wasm_bindgen(method, getter)]
    fn stats(this: &Engine) -> Object;
}

#[wasm_bindgen(module = "/src/values.js")]
extern "C" {
    /// Values that WebAssembly holds.
    fn held() -> u32;
}

#[wasm_bindgen(module = "/tests/page.js")]
extern "C" {
    #[wasm_bindgen(extends = Object)]
    #[derive(Clone)]
    type Page;

    #[wasm_bindgen(constructor)]
    fn new() -> Page;

    #[wasm_bindgen(method)]
    fn receive(this: &Page, data: &JsValue);

    #[wasm_bindgen(method)]
    fn lose(this: &Page);

    #[wasm_bindgen(method)]
    fn told(this: &Page, name: &str) -> Vec<String>;

    #[wasm_bindgen(method)]
    fn payload(this: &Page) -> JsValue;

    #[wasm_bindgen(method)]
    fn sent(this: &Page) -> Array;

    /// By what sockets were opened, and for which session.
    #[wasm_bindgen(method, getter)]
    fn asked(this: &Page) -> Vec<String>;

    /// Calls a handler of a socket.
    #[wasm_bindgen(method)]
    fn call(this: &Page, socket: u32, handler: &str);

    #[wasm_bindgen(method, js_name = onTold)]
    fn on_told(this: &Page, name: &str, reaction: &JsValue);

    #[wasm_bindgen(method, getter)]
    fn reported(this: &Page) -> Array;

    fn checks() -> JsValue;
}

/// A page with an engine that is connected to a server without our extras.
fn connected() -> (Page, Engine) {
    let page = Page::new();
    let engine = engine(&page, &Object::new());
    engine.connect();
    receive(&page, r#"0{"sid":"s"}"#);
    receive(&page, r#"40{"sid":"x"}"#);
    (page, engine)
}

fn engine(page: &Page, options: &Object) -> Engine {
    make_engine(&wasm_bindgen::exports(), options, &checks(), page)
}

/// Timers, sockets and rooms.
fn stats(engine: &Engine) -> [f64; 3] {
    let stats = engine.stats();
    ["timers", "sockets", "rooms"]
        .map(|name| Reflect::get(&stats, &name.into()).unwrap().as_f64().unwrap())
}

fn receive(page: &Page, text: &str) {
    page.receive(&text.into());
}

fn emit(engine: &Engine, call: u32, event: &str) {
    emit_with(engine, call, event, "{}", &Array::new());
}

fn emit_with(engine: &Engine, call: u32, event: &str, json: &str, attachments: &Array) {
    engine.emit_encoded(call, event, &encoded(json, attachments), "uuid");
}

fn encoded(json: &str, attachments: &Array) -> Object {
    let encoded = Object::new();
    Reflect::set(&encoded, &"text".into(), &json.into()).unwrap();
    Reflect::set(&encoded, &"attachments".into(), attachments).unwrap();
    encoded
}

#[wasm_bindgen_test]
fn every_state_is_told_by_its_name() {
    let (page, engine) = connected();
    let states = page.told("stateChanged");
    let names: Vec<&str> = states.iter().filter_map(|state| state.split('"').nth(1)).collect();
    assert_eq!(names, ["connecting", "authenticating", "connected"]);
    assert_eq!(stats(&engine), [1.0, 1.0, 0.0]);
}

#[wasm_bindgen_test]
fn a_payload_arrives_as_the_value_it_is() {
    let (page, _engine) = connected();
    receive(
        &page,
        r#"42["moved",{"to":["e4",null,1.5]},{"room":"room:a","epoch":"e","offset":7}]"#,
    );
    assert_eq!(
        page.told("arrived"),
        [r#"["moved",{"to":["e4",null,1.5]},"room:a","e",7,null,null]"#]
    );
}

#[wasm_bindgen_test]
fn binary_parts_arrive_as_they_are() {
    let (page, _engine) = connected();
    receive(&page, r#"451-["file",{"_placeholder":true,"num":0}]"#);
    let bytes = Uint8Array::from(&[1_u8, 2, 3][..]).buffer();
    page.receive(&bytes);
    assert!(Object::is(&page.payload(), &bytes));
}

#[wasm_bindgen_test]
fn a_payload_is_sent_as_the_text_that_was_given() {
    let (page, engine) = connected();
    let attachment = Uint8Array::from(&[9_u8][..]).buffer();
    emit_with(&engine, 1, "say \"hi\"", "{\"ö\":1}", &Array::of1(&attachment));
    let sent = page.sent();
    assert_eq!(sent.get(1).as_string().unwrap(), r#"451-0["say \"hi\"",{"ö":1}]"#);
    assert!(Object::is(&sent.get(2), &attachment));
}

#[wasm_bindgen_test]
fn a_failure_has_its_code_and_what_there_is_now() {
    let (page, engine) = connected();
    emit(&engine, 5, "ask");
    receive(
        &page,
        r#"430[{"ok":false,"error":{"code":"CONFLICT","message":{"toString":1},"retryAfterMs":5,"current":7}}]"#,
    );
    assert_eq!(
        page.told("settled"),
        [
            r#"[5,{"code":"CONFLICT","message":"","retryable":true,"retryAfterMs":5,"current":7},null]"#
        ]
    );
    emit(&engine, 6, "other");
    receive(&page, r#"431[{"ok":true,"data":"fine"}]"#);
    assert_eq!(page.told("settled")[1], r#"[6,null,"fine"]"#);
}

#[wasm_bindgen_test]
fn what_does_not_fit_is_a_fault_and_goes_no_further() {
    let (page, engine) = connected();
    receive(&page, r#"42["number","five"]"#);
    receive(&page, r#"42["number",5]"#);
    assert_eq!(page.told("fault"), [r#"["number","payload: expected a number"]"#]);
    assert_eq!(page.told("arrived").len(), 1);
    emit(&engine, 1, "ask");
    receive(&page, r#"430[{"ok":true,"data":"ill"}]"#);
    assert!(page.told("settled")[0].contains("INVALID_ANSWER"));
}

#[wasm_bindgen_test]
fn a_host_that_throws_is_reported_and_told_the_rest() {
    let (page, _engine) = connected();
    let throws = js_sys::Function::new_no_args("throw new Error('oops')");
    page.on_told("arrived", &throws);
    receive(&page, r#"42["a",1]"#);
    receive(&page, r#"42["b",2]"#);
    assert_eq!((page.told("arrived").len(), page.reported().length()), (2, 2));
}

#[wasm_bindgen_test]
fn a_host_may_call_back_in_the_middle_of_being_told() {
    let (page, engine) = connected();
    let engine: &'static Engine = Box::leak(Box::new(engine));
    let calls_back = Closure::<dyn Fn()>::new(move || {
        emit(engine, 1, "from within");
        engine.join(1, "room:a");
        engine.close();
    });
    page.on_told("arrived", calls_back.as_ref());
    receive(&page, r#"42["a",1]"#);
    assert_eq!(page.told("arrived").len(), 1);
    assert_eq!(stats(engine), [0.0; 3]);
}

#[wasm_bindgen_test]
fn closing_leaves_nothing_behind() {
    let (page, engine) = connected();
    engine.join(1, "room:a");
    emit(&engine, 1, "ask");
    engine.close();
    assert_eq!(stats(&engine), [0.0; 3]);
    assert!(page.told("settled").is_empty(), "nothing is told after the end");
    let sockets = Reflect::get(&page, &"sockets".into()).unwrap();
    let socket = Array::from(&sockets).get(0);
    assert_eq!(Reflect::get(&socket, &"closed".into()).unwrap(), JsValue::TRUE);
    assert!(Reflect::get(&socket, &"onmessage".into()).unwrap().is_falsy());
}

#[wasm_bindgen_test]
fn a_closed_engine_holds_no_value() {
    // Whatever others left is let go of by this.
    connected().1.close();
    let before = held();
    let (page, engine) = connected();
    engine.join(1, "room:a");
    emit(&engine, 1, "ask");
    let users = r#"[{"userId":"ada"},{"userId":"bob"}]"#;
    receive(&page, &format!(r#"42["presence:state",{{"room":"room:a","users":{users}}}]"#));
    receive(&page, r#"42["moved",{},{"room":"room:a","epoch":"e","offset":7}]"#);
    receive(&page, r#"42["moved",{},{"room":"room:a","epoch":"e","offset":9}]"#);
    receive(&page, "42[nonsense");
    receive(&page, r#"452-["file",{"_placeholder":true,"num":0}]"#);
    assert!(held() > before);
    engine.close();
    assert_eq!(held(), before);
}

#[wasm_bindgen_test]
fn what_no_client_holds_is_let_go_of_in_time_and_nothing_else() {
    let (page, engine) = connected();
    receive(&page, r#"42["authenticated",{"userId":"ada"}]"#);
    emit(&engine, 1, "answered by the short way");
    emit(&engine, 2, "answered by the long way");
    emit_with(&engine, 3, "sent again", r#"{"kept":true}"#, &Array::new());
    receive(&page, r#"42["moved","held back",{"room":"user:ada","epoch":"e","offset":9}]"#);
    for number in 0..20_000 {
        receive(&page, &format!(r#"42["event {number}",{{}}]"#));
    }
    assert!(held() < 10_000, "{} values are held", held());
    receive(&page, r#"431[{"ok":true,"data":"one"}]"#);
    receive(&page, r#"432[{"ok":true,"data":"two"},0,[]"#);
    receive(&page, r#"432[{"ok":true,"data":{"number":2},"more":0}]"#);
    assert_eq!(page.told("settled"), [r#"[1,null,"one"]"#, r#"[2,null,{"number":2}]"#]);
    receive(
        &page,
        r#"430[{"ok":true,"data":{"room":"user:ada","position":{"epoch":"e","offset":8}}}]"#,
    );
    assert!(page.told("arrived").last().unwrap().contains("held back"));
    engine.disconnect();
    engine.connect();
    receive(&page, r#"0{"sid":"s"}"#);
    receive(&page, r#"40{"sid":"x"}"#);
    receive(&page, r#"42["authenticated",{"userId":"ada"}]"#);
    let sent: Vec<String> = page.sent().iter().filter_map(|frame| frame.as_string()).collect();
    let again = r#"["sent again",{"kept":true},{"id":"uuid"}]"#;
    assert!(sent.iter().any(|frame| frame.ends_with(again)), "{sent:?}");
    engine.close();
}

#[wasm_bindgen_test]
fn a_volatile_emit_leaves_nothing_behind() {
    let (page, engine) = connected();
    let before = (page.sent().length(), held());
    for number in 0..3 {
        let payload = encoded(&number.to_string(), &Array::new());
        assert!(engine.emit_volatile("typing", &payload).is_undefined());
    }
    let sent: Vec<String> =
        page.sent().iter().skip(before.0 as usize).filter_map(|frame| frame.as_string()).collect();
    assert_eq!(sent, [0, 1, 2].map(|number| format!(r#"42["typing",{number}]"#)));
    assert_eq!(held(), before.1);
    engine.disconnect();
    let failure = engine.emit_volatile("typing", &encoded("3", &Array::new()));
    let code = Reflect::get(&failure, &"code".into()).unwrap();
    assert_eq!(code.as_string().as_deref(), Some("NOT_CONNECTED"));
}

#[wasm_bindgen_test]
fn dates_arrive_as_texts_and_are_sent_as_such() {
    let (page, engine) = connected();
    receive(&page, r#"42["at","2026-01-31T12:00:00.000Z"]"#);
    let told = page.payload().as_string().unwrap();
    let date = Date::new(&told.as_str().into());
    let json = js_sys::JSON::stringify(&date).unwrap();
    emit_with(&engine, 1, "at", &String::from(json), &Array::new());
    let sent = page.sent().get(1).as_string().unwrap();
    assert_eq!(sent, r#"420["at","2026-01-31T12:00:00.000Z"]"#);
}

#[wasm_bindgen_test]
fn polling_comes_to_rest_and_a_websocket_takes_over() {
    let page = Page::new();
    let options = Object::new();
    let transports = Array::of2(&"polling".into(), &"websocket".into());
    Reflect::set(&options, &"transports".into(), &transports).unwrap();
    let engine = engine(&page, &options);
    engine.connect();
    receive(&page, r#"0{"sid":"s","upgrades":["websocket"]}"#);
    assert_eq!(page.asked(), ["polling ", "websocket s"]);
    assert_eq!(stats(&engine)[1], 2.0);
    page.call(1, "onopen");
    receive(&page, "3probe");
    page.call(0, "onpause");
    let sent: Vec<_> = page.sent().iter().filter_map(|frame| frame.as_string()).collect();
    assert_eq!(sent, ["2probe", "5"]);
    assert_eq!(stats(&engine)[1], 1.0);
    receive(&page, r#"40{"sid":"x"}"#);
    assert!(page.told("stateChanged").last().unwrap().contains("websocket"));
}

#[wasm_bindgen_test]
fn a_page_that_goes_away_and_comes_back_closes_and_connects() {
    let (page, engine) = connected();
    engine.page("away");
    assert_eq!(stats(&engine), [0.0; 3]);
    engine.page("back");
    assert_eq!(stats(&engine)[1], 1.0);
    assert!(page.told("stateChanged").last().unwrap().contains("connecting"));
}

#[wasm_bindgen_test]
fn a_lost_socket_is_tried_again_with_the_options_given() {
    let page = Page::new();
    let options = Object::new();
    Reflect::set(&options, &"reconnectionAttempts".into(), &1.into()).unwrap();
    let transports = Array::of1(&"websocket".into());
    Reflect::set(&options, &"transports".into(), &transports).unwrap();
    let engine = engine(&page, &options);
    engine.connect();
    page.lose();
    let states = page.told("stateChanged");
    assert!(states[1].starts_with(r#"["reconnecting",1,"#) && states[1].contains("CONNECT_FAILED"));
    assert_eq!(stats(&engine), [1.0, 0.0, 0.0]);
    engine.disconnect();
    assert!(page.told("stateChanged")[2].starts_with(r#"["closed""#));
    assert_eq!(stats(&engine)[0], 0.0);
}
