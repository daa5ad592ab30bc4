//! A port on the loopback, IPv4 and IPv6.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::net::{TcpListener, TcpSocket};

/// Connections that may wait to be accepted. They also do while the extension
/// initialises and while the sandbox is frozen.
const BACKLOG: u32 = 1024;

/// How often another free port is tried, when IPv6 has the first one taken.
const TRIES: usize = 16;

/// A port of the loopback that connections can be made to. Until it is served
/// they wait.
#[derive(Debug)]
pub struct Listener {
    port: u16,
    pub(super) sockets: Vec<TcpListener>,
}

impl Listener {
    /// Listens on 127.0.0.1, and on `::1` where there is IPv6. Port 0 takes one
    /// that is free.
    ///
    /// # Errors
    ///
    /// If the port is taken or may not be used.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn bind(port: u16) -> io::Result<Self> {
        let tries = if port == 0 { TRIES } else { 1 };
        let mut bound = Self::bind_both(port);
        for _ in 1..tries {
            match &bound {
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => bound = Self::bind_both(port),
                _ => break,
            }
        }
        bound
    }

    fn bind_both(port: u16) -> io::Result<Self> {
        let first = listen((Ipv4Addr::LOCALHOST, port).into())?;
        let port = first.local_addr()?.port();
        let mut sockets = vec![first];
        match listen((Ipv6Addr::LOCALHOST, port).into()) {
            Ok(second) => sockets.push(second),
            Err(error) if no_such_address(&error) => {
                tracing::debug!(%error, "no IPv6 here: listening on 127.0.0.1 only");
            }
            Err(error) => return Err(error),
        }
        Ok(Self { port, sockets })
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The addresses it listens on.
    pub fn addresses(&self) -> Vec<IpAddr> {
        self.sockets.iter().filter_map(|socket| Some(socket.local_addr().ok()?.ip())).collect()
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // What an earlier process left in TIME_WAIT must not stop this one.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// The kernel has no IPv6, or the loopback has no `::1`.
fn no_such_address(error: &io::Error) -> bool {
    use io::ErrorKind::{AddrNotAvailable, NetworkUnreachable, Unsupported};
    const EAFNOSUPPORT: i32 = 97;
    matches!(error.kind(), AddrNotAvailable | NetworkUnreachable | Unsupported)
        || error.raw_os_error() == Some(EAFNOSUPPORT)
}
