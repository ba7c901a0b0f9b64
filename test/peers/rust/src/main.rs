//! The crate msgpack-rpc: `client PORT` calls Peer and prints a line for each case, `server PORT` is called.

use futures::future::{ready, Ready};
use msgpack_rpc::{serve, Client, Service, Value};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::compat::TokioAsyncReadCompatExt;

#[derive(Clone, Default)]
struct Peer {
    noted: Arc<AtomicU64>,
}

impl Service for Peer {
    type RequestFuture = Ready<Result<Value, Value>>;

    fn handle_request(&mut self, method: &str, params: &[Value]) -> Self::RequestFuture {
        ready(match method {
            "Peer.Echo" => Ok(params[0].clone()),
            "Peer.Odd" => Ok(Value::Map(vec![(1.into(), "a".into())])),
            "Peer.Noted" => Ok(self.noted.load(Ordering::SeqCst).into()),
            _ => Err("NOT_FOUND: as asked".into()),
        })
    }

    fn handle_notification(&mut self, _: &str, _: &[Value]) {
        self.noted.fetch_add(1, Ordering::SeqCst);
    }
}

async fn call(client: &Client, method: &str, params: &[Value]) -> Result<Value, String> {
    match tokio::time::timeout(Duration::from_secs(3), client.request(method, params)).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("no answer in 3 s".to_string()),
    }
}

async fn same(client: &Client, value: Value) -> Result<(), String> {
    let result = call(client, "Peer.Echo", &[value.clone()]).await?;
    if result == value {
        return Ok(());
    }
    Err(format!("{value} came back as {result}"))
}

async fn fails(client: &Client, method: &str, code: &str) -> Result<(), String> {
    match call(client, method, &[]).await {
        Ok(_) => Err("it did not fail".to_string()),
        Err(error) if error.contains(code) => Ok(()),
        Err(error) => Err(error),
    }
}

async fn notify(client: &Client) -> Result<(), String> {
    client.notify("Peer.Note", &[1.into()]).await.map_err(|_| "it was not sent".to_string())?;
    let count = call(client, "Peer.Noted", &[]).await?;
    if count == 1.into() {
        return Ok(());
    }
    Err(format!("{count} came"))
}

fn keyed(key: Value) -> Value {
    Value::Map(vec![(key, "a".into())])
}

fn print(name: &str, answer: Result<(), String>) {
    println!("{name}\t{}", answer.map_or_else(|error| error.replace('\n', " "), |()| "ok".to_string()));
}

async fn run_client(port: u16) -> std::io::Result<()> {
    let client = Client::new(TcpStream::connect(("127.0.0.1", port)).await?.compat());
    print("call", same(&client, "hi".into()).await);
    print("integer key", same(&client, keyed(1.into())).await);
    print("bin key", same(&client, keyed(Value::Binary(vec![107]))).await);
    print("nil key", same(&client, keyed(Value::Nil)).await);
    print("array key", same(&client, keyed(Value::Array(vec![1.into(), 2.into()]))).await);
    print("error", fails(&client, "Peer.Fail", "NOT_FOUND").await);
    print("unknown method", fails(&client, "Peer.Nothing", "UNIMPLEMENTED").await);
    print("notify", notify(&client).await);
    print("still there", same(&client, 2.into()).await);
    Ok(())
}

async fn run_server(port: u16) -> std::io::Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    println!("listening");
    let peer = Peer::default();
    loop {
        let (socket, _) = listener.accept().await?;
        tokio::spawn(serve(socket.compat(), peer.clone()));
    }
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let port = arguments[2].parse().expect("a port");
    match arguments[1].as_str() {
        "client" => run_client(port).await,
        _ => run_server(port).await,
    }
}
