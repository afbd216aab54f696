//! How a machine finds its key and its hub (`buildlet.md` 8.2 to 8.4), as machines of 2019 are started.

use crate::harness::Buildlet;
use crate::hub::{Hub, KEY, OF_2019, registration};
use crate::origin::connect_proxy;

/// A machine whose files of this name are in its home.
fn machine(hub: &Hub, files: &[(&str, &str)], args: &[&str], env: &[(&str, &str)]) -> Buildlet {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    for (name, text) in files {
        std::fs::write(at(name), text).unwrap();
    }
    std::fs::write(at("ca"), hub.certificate()).unwrap();
    let (home, ca) = (at(""), format!("-ca={}", at("ca")));
    let args = [&["-server-name=localhost", "-hostname=testhost", &ca], args].concat();
    let env = [&[("HOME", &*home)], env].concat();
    Buildlet::spawn(folder, &args, &env)
}

#[tokio::test]
async fn the_old_form_registers_each_builder_with_its_key() {
    let hub = Hub::start().await;
    let files = [
        (".gobuildkey-linux-arm", "k1\n"),
        (".gobuildkey-linux-arm-arm5", " k2"),
    ];
    let coordinator = format!("-coordinator={}", hub.address());
    let args = [
        "-reverse=linux-arm,linux-arm-arm5",
        &coordinator,
        "-halt=false",
    ];
    let b = machine(&hub, &files, &args, &[]);
    let mut control = hub.dialed().await;
    let asked = |revdial: u8| {
        format!(
            "GET /reverse HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: Go-http-client/1.1\r\nX-Go-Builder-Hostname: testhost\r\n\
             X-Go-Builder-Key: k1\r\nX-Go-Builder-Key: k2\r\nX-Go-Builder-Type: linux-arm\r\nX-Go-Builder-Type: linux-arm-arm5\r\n\
             X-Go-Builder-Version: 23\r\nX-Revdial-Version: {revdial}\r\n"
        )
    };
    assert_eq!(control.block().await, asked(3));
    control.send(OF_2019).await;
    assert_eq!(hub.dialed().await.block().await, asked(2));
    b.end().await;
}

#[tokio::test]
async fn a_single_old_name_finds_the_common_key() {
    let hub = Hub::start().await;
    let coordinator = format!("-coordinator={}", hub.address());
    let args = ["-reverse", "linux-arm", &*coordinator];
    let b = machine(&hub, &[(".gobuildkey", "common")], &args, &[]);
    let registration = hub.dialed().await.block().await;
    assert!(registration.contains("X-Go-Builder-Key: common\r\nX-Go-Builder-Type: linux-arm\r\n"));
    b.end().await;
}

#[tokio::test]
async fn a_key_that_was_read_is_deleted_and_used_again() {
    let hub = Hub::start().await;
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key");
    std::fs::write(&key, format!("{KEY}\n")).unwrap();
    let coordinator = format!("-coordinator={}", hub.address());
    let args = ["-reverse-type=host-linux-foo", &*coordinator];
    let env = [
        ("GO_BUILD_KEY_PATH", key.to_str().unwrap()),
        ("GO_BUILD_KEY_DELETE_AFTER_READ", "true"),
    ];
    let b = machine(&hub, &[], &args, &env);
    drop(hub.registered().await);
    assert!(!key.exists());
    // It comes back, from memory.
    assert_eq!(hub.dialed().await.block().await, registration(2));
    b.end().await;
}

#[tokio::test]
async fn a_hub_out_of_reach_is_dialed_through_the_proxy_each_time() {
    let hub = Hub::start().await;
    let (proxy, asked, _serving) = connect_proxy(hub.address()).await;
    let proxy = format!("http://me:hidden@{proxy}");
    let files = [(".gobuildkey-host-linux-foo", KEY)];
    // Without a port it is that of HTTPS.
    let args = ["-reverse-type=host-linux-foo", "-coordinator=farm.invalid"];
    let b = machine(&hub, &files, &args, &[("HTTPS_PROXY", &proxy)]);
    let mut control = hub.dialed().await;
    let expected = registration(3).replace("127.0.0.1", "farm.invalid");
    assert_eq!(control.block().await, expected);
    control.send(OF_2019).await;
    let mut control = hub.dialed().await;
    let expected = registration(2).replace("127.0.0.1", "farm.invalid");
    assert_eq!(control.block().await, expected);
    control
        .send("HTTP/0.0 101 Switching Protocols\r\n\r\n")
        .await;
    control
        .send("{\"command\":\"conn-ready\",\"connPath\":\"/revdial?x\"}\n")
        .await;
    let mut picked = hub.dialed().await;
    assert!(
        picked
            .block()
            .await
            .starts_with("GET /revdial?x HTTP/1.1\r\n")
    );
    let asked = asked.lock().unwrap().clone();
    assert_eq!(asked.len(), 3);
    for request in asked {
        assert_eq!(
            request,
            "CONNECT farm.invalid:443 HTTP/1.1\r\nHost: farm.invalid:443\r\n\
             Proxy-Authorization: Basic bWU6aGlkZGVu\r\n\r\n"
        );
    }
    assert!(!b.log().contains("hidden"), "{}", b.log());
    b.end().await;
}

#[tokio::test]
async fn an_old_name_without_a_key_ends_it() {
    let hub = Hub::start().await;
    for (args, text) in [
        (&["-reverse=a"][..], ".gobuildkey-a"),
        (&["-reverse=a,b"], ".gobuildkey-b"),
    ] {
        let files: &[_] = if args[0].contains(',') {
            &[(".gobuildkey-a", "k")]
        } else {
            &[]
        };
        let mut b = machine(&hub, files, args, &[]);
        assert_eq!(b.ended().await.code(), Some(1));
        assert!(b.log().contains(text), "{}", b.log());
    }
}
