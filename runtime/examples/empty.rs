//! The floor that the functions are measured beside: a bootstrap that answers every event with 202 and does nothing.
//! The standard library alone, as little as the Runtime API takes.

use std::env;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;

const ANSWER: &str = r#"{"statusCode":202,"headers":{},"body":"ok","isBase64Encoded":false}"#;

/// What an event is answered by.
const ID: &str = "lambda-runtime-aws-request-id:";

fn main() -> io::Result<()> {
    let api = env::var("AWS_LAMBDA_RUNTIME_API").map_err(io::Error::other)?;
    let mut stream = TcpStream::connect(&api)?;
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    loop {
        let next =
            format!("GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nhost: {api}\r\n\r\n");
        stream.write_all(next.as_bytes())?;
        let id = answer(&mut reader)?;
        let head = format!(
            "POST /2018-06-01/runtime/invocation/{id}/response HTTP/1.1\r\nhost: {api}\r\ncontent-length: {}\r\n\r\n",
            ANSWER.len()
        );
        stream.write_all((head + ANSWER).as_bytes())?;
        answer(&mut reader)?;
    }
}

/// Reads an answer of the Runtime API to its end: the request's ID, if it has one.
fn answer(reader: &mut BufReader<TcpStream>) -> io::Result<String> {
    let (mut id, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let line = line.trim_end().to_ascii_lowercase();
        if let Some(value) = line.strip_prefix(ID) {
            value.trim().clone_into(&mut id);
        } else if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().map_err(io::Error::other)?;
        } else if line.is_empty() {
            break;
        }
    }
    io::copy(&mut reader.take(length), &mut io::sink())?;
    Ok(id)
}
