//! The harness itself: servers start, halt, come back and end; the proxy cuts when it is told to.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use paravox_harness::{NatsCluster, NatsOptions, NatsServer, Postgres, SyncInterval, TcpProxy, eventually};
use sqlx::postgres::PgConnection;
use sqlx::{Connection, Executor};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const LIMIT: Duration = Duration::from_secs(10);

/// A server that answers each byte with the same byte.
async fn echo() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut from, mut to) = stream.split();
                let _ = tokio::io::copy(&mut from, &mut to).await;
            });
        }
    });
    address
}

async fn exchange(stream: &mut TcpStream, byte: u8) -> std::io::Result<u8> {
    stream.write_u8(byte).await?;
    stream.read_u8().await
}

#[tokio::test]
async fn the_proxy_passes_cuts_and_refuses() {
    let proxy = TcpProxy::start(echo().await).await.unwrap();
    let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
    assert_eq!(exchange(&mut stream, 1).await.unwrap(), 1);
    assert_eq!(proxy.connections(), 1);

    proxy.cut_now();
    assert!(exchange(&mut stream, 2).await.is_err());
    let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
    assert_eq!(exchange(&mut stream, 3).await.unwrap(), 3);

    proxy.refuse();
    assert!(exchange(&mut stream, 4).await.is_err());
    let mut refused = TcpStream::connect(proxy.address()).await.unwrap();
    assert!(exchange(&mut refused, 5).await.is_err());

    proxy.pass();
    let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
    assert_eq!(exchange(&mut stream, 6).await.unwrap(), 6);
}

#[tokio::test]
async fn the_proxy_cuts_between_request_and_reply_once() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let proxy = TcpProxy::start(listener.local_addr().unwrap()).await.unwrap();
    let mut client = TcpStream::connect(proxy.address()).await.unwrap();
    let (mut server, _) = listener.accept().await.unwrap();

    proxy.cut_before_reply();
    client.write_u8(7).await.unwrap();
    assert_eq!(server.read_u8().await.unwrap(), 7, "the request arrives");
    assert!(proxy.is_armed());
    server.write_u8(8).await.unwrap();
    assert!(client.read_u8().await.is_err(), "the reply does not");
    assert!(!proxy.is_armed());

    let mut client = TcpStream::connect(proxy.address()).await.unwrap();
    let (mut server, _) = listener.accept().await.unwrap();
    client.write_u8(9).await.unwrap();
    assert_eq!(server.read_u8().await.unwrap(), 9);
    server.write_u8(9).await.unwrap();
    assert_eq!(client.read_u8().await.unwrap(), 9);
}

#[tokio::test]
async fn the_proxy_holds_bytes_back_while_it_stalls() {
    let proxy = TcpProxy::start(echo().await).await.unwrap();
    let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
    assert_eq!(exchange(&mut stream, 1).await.unwrap(), 1);
    proxy.stall();
    stream.write_u8(2).await.unwrap();
    assert!(tokio::time::timeout(Duration::from_millis(100), stream.read_u8()).await.is_err());
    proxy.pass();
    assert_eq!(stream.read_u8().await.unwrap(), 2);
}

/// What a nats-server says first.
async fn greeting(address: SocketAddr) -> Option<String> {
    let asking = async {
        let mut stream = TcpStream::connect(address).await.ok()?;
        let mut bytes = vec![0; 4096];
        let read = stream.read(&mut bytes).await.ok()?;
        (read > 0).then(|| String::from_utf8_lossy(&bytes[..read]).into_owned())
    };
    tokio::time::timeout(Duration::from_millis(500), asking).await.ok().flatten()
}

fn is_running(process: u32) -> bool {
    Path::new("/proc").join(process.to_string()).exists()
}

#[tokio::test]
async fn a_nats_server_halts_goes_on_dies_comes_back_and_ends() {
    let options = NatsOptions { payload_bytes_max: Some(2 << 20), ..NatsOptions::default() };
    let mut server = NatsServer::start(&options).await.unwrap();
    let said = greeting(server.address()).await.unwrap();
    assert!(said.contains("\"jetstream\":true") && said.contains("\"max_payload\":2097152"), "{said}");

    server.pause().unwrap();
    assert!(greeting(server.address()).await.is_none());
    server.resume().unwrap();
    assert!(greeting(server.address()).await.is_some());

    let address = server.address();
    server.kill();
    assert!(greeting(address).await.is_none());
    server.start_again().unwrap();
    server.wait_ready().await.unwrap();
    server.restart().await.unwrap();
    assert!(greeting(address).await.is_some());

    let (process, folder) = (server.process_id(), server.store().to_owned());
    drop(server);
    eventually("the server's end", LIMIT, async || (!is_running(process)).then_some(())).await.unwrap();
    assert!(!folder.exists());
}

#[tokio::test]
async fn a_nats_server_that_cannot_run_says_why() {
    let options = NatsOptions { extra: "no_such_setting: 1".to_owned(), ..NatsOptions::default() };
    let error = NatsServer::start(&options).await.unwrap_err();
    assert!(error.to_string().contains("no_such_setting"), "{error}");
}

#[tokio::test]
async fn three_nats_servers_become_one_cluster() {
    let options = NatsOptions { sync_interval: SyncInterval::Default, ..NatsOptions::default() };
    let mut cluster = NatsCluster::start(&options).await.unwrap();
    assert_eq!(cluster.urls().split(',').count(), 3);
    assert!(cluster.server("n3").is_some());
    for server in cluster.servers() {
        let said = greeting(server.address()).await.unwrap();
        assert!(said.contains("\"cluster\":\"paravox-test\""), "{said}");
    }
}

#[tokio::test]
async fn each_test_has_a_database_of_its_own() {
    let server = Postgres::start().await.unwrap();
    let (one, two) = (server.create_database().await.unwrap(), server.create_database().await.unwrap());
    assert_ne!(one.name(), two.name());
    for database in [&one, &two] {
        let mut connection = PgConnection::connect(&database.url()).await.unwrap();
        connection.execute("CREATE TABLE only_here (x INT)").await.unwrap();
    }
    let proxy = TcpProxy::start(one.address().await.unwrap()).await.unwrap();
    let mut connection = PgConnection::connect(&one.url_through(proxy.address())).await.unwrap();
    let name: String =
        sqlx::query_scalar("SELECT current_database()::text").fetch_one(&mut connection).await.unwrap();
    assert_eq!(name, one.name());

    // Given away and taken again, it is the same server.
    assert_eq!(Postgres::start().await.unwrap().process_id(), server.process_id());
}
