//! `examples/deploy/nginx.conf` in a real nginx, in front of a real server.

use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::common::server::{KEY, Server};
use crate::common::{eventually, program, run};
use crate::page::root;

const HOST: &str = "audit.example.com";

/// nginx in the foreground, one process; killed when it is dropped.
struct Nginx {
    process: Child,
    http: u16,
    https: u16,
    certificate: String,
}

impl Nginx {
    fn start(directory: &Path, server: &Server) -> Nginx {
        let made = rcgen::generate_simple_self_signed([HOST.to_owned()]).unwrap();
        fs::write(directory.join("fullchain.pem"), made.cert.pem()).unwrap();
        fs::write(directory.join("privkey.pem"), made.signing_key.serialize_pem()).unwrap();
        let certificate = directory.join("fullchain.pem").to_str().unwrap().to_owned();
        // Another program may take a port between its being found free and nginx.
        for _ in 0..5 {
            let (http, https) = free_ports();
            fs::write(directory.join("nginx.conf"), configuration(directory, server, http, https)).unwrap();
            let mut nginx = Command::new("nginx");
            // Where Debian has it, and ordinary users do not look.
            nginx.env("PATH", format!("{}:/usr/sbin", std::env::var("PATH").unwrap()));
            nginx.arg("-p").arg(directory).arg("-c").arg(directory.join("nginx.conf")).args(["-e", "stderr"]);
            let mut process = nginx.stdin(Stdio::null()).spawn().unwrap();
            let answers = || TcpStream::connect((Ipv4Addr::LOCALHOST, https)).is_ok();
            let ended = eventually(|| process.try_wait().unwrap().map(Some).or_else(|| answers().then_some(None)));
            if ended == Some(None) {
                return Nginx { process, http, https, certificate };
            }
            process.kill().unwrap_or_default();
            process.wait().unwrap();
        }
        panic!("nginx does not start");
    }

    /// What curl prints for this, asked for by the name in the certificate.
    fn curl(&self, port: u16, path: &str, more: &[&str]) -> String {
        let scheme = if port == self.http { "http" } else { "https" };
        let mut curl = Command::new("curl");
        curl.args(["-sS", "--noproxy", "*", "--max-time", "50", "--cacert", &self.certificate]);
        curl.args(["--resolve", &format!("{HOST}:{port}:127.0.0.1"), "-H", &format!("Authorization: Token {KEY}")]);
        run(curl.args(more).arg(format!("{scheme}://{HOST}:{port}{path}"))).ok()
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        self.process.kill().unwrap_or_default();
        self.process.wait().unwrap();
    }
}

fn free_ports() -> (u16, u16) {
    let bind = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let (one, other) = (bind(), bind());
    (one.local_addr().unwrap().port(), other.local_addr().unwrap().port())
}

/// The file as it is, but for addresses and paths, in the frame that a distribution has around it.
fn configuration(directory: &Path, server: &Server, http: u16, https: u16) -> String {
    let mut site = fs::read_to_string(root().join("examples/deploy/nginx.conf")).unwrap();
    for (written, run) in [
        ("listen 80;", format!("listen 127.0.0.1:{http};")),
        ("listen [::]:80;", String::new()),
        ("listen 443 ssl http2;", format!("listen 127.0.0.1:{https} ssl http2;")),
        ("listen [::]:443 ssl http2;", String::new()),
        ("server 127.0.0.1:8080;", format!("server {};", server.address)),
        ("/etc/letsencrypt/live/audit.example.com", directory.display().to_string()),
    ] {
        assert!(site.contains(written), "`{written}` is not in nginx.conf");
        site = site.replace(written, &run);
    }
    let paths =
        ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(|kind| format!("{kind}_temp_path temp_{kind};\n")).concat();
    format!(
        "daemon off; master_process off; error_log stderr; pid nginx.pid;\nevents {{}}\nhttp {{\naccess_log off;\n{paths}{site}}}\n"
    )
}

#[test]
fn nginx_passes_the_client_address_and_the_answers() {
    let directory = tempfile::tempdir().unwrap();
    let mut serve = program(directory.path());
    serve.env("AUDIT_ADMIN_TOKEN", KEY).env("AUDIT_LISTEN", "127.0.0.1:0").env("AUDIT_TRUSTED_PROXIES", "127.0.0.1");
    let server = Server::run(serve.env("AUDIT_PRODUCTION", "true"));
    let nginx = Nginx::start(directory.path(), &server);

    let plain = nginx.curl(nginx.http, "/healthz?x=1", &["-o", "/dev/null", "-w", "%{http_code} %{redirect_url}"]);
    assert_eq!(plain, format!("308 https://{HOST}/healthz?x=1"), "no key goes on in clear");

    // Larger than nginx takes by default.
    let events: Vec<String> = (0..40).map(|n| format!(r#"{{"object_id":{n},"content":"{}"}}"#, "x".repeat(100_000))).collect();
    let batch = directory.path().join("batch.ndjson");
    fs::write(&batch, events.join("\n")).unwrap();
    let send = |path: &Path| {
        let data = format!("@{}", path.display());
        nginx.curl(nginx.https, "/api/v1/events", &["-H", "Content-Type: application/x-ndjson", "--data-binary", &data])
    };
    assert!(send(&batch).starts_with(r#"{"accepted":40,"#));
    let too_large = directory.path().join("too-large");
    fs::write(&too_large, vec![b'\n'; (32 << 20) + 1]).unwrap();
    let refused = send(&too_large);
    assert!(refused.contains(r#""code":"too_large""#), "the server's own answer: {refused}");

    let list = "/api/v1/oms/settings/audit_events/?limit=1";
    let forged = ["X-Forwarded-For: 203.0.113.9", "X-Forwarded-Host: evil.example", "Forwarded: for=203.0.113.9;host=evil.example"];
    let forged: Vec<&str> = forged.iter().flat_map(|header| ["-H", header]).collect();
    let page = nginx.curl(nginx.https, list, &[&forged[..], &["--interface", "127.0.0.2"]].concat());
    assert!(page.contains(&format!(r#""next":"https://{HOST}/api/v1/oms/settings/audit_events/?limit=1&page=2""#)), "{page}");
    let whole = nginx.curl(nginx.https, "/api/v1/events?limit=40", &["--compressed"]);
    assert!(whole.len() > 4_000_000 && whole.ends_with(r#""next_cursor":null}"#), "{} bytes", whole.len());

    drop(nginx);
    server.signal("TERM");
    let (status, _, log) = server.wait();
    assert_eq!(status.code(), Some(0), "{log}");
    let asked = log.lines().find(|line| line.contains("audit_events")).unwrap();
    assert!(asked.contains(r#""client":"127.0.0.2""#), "{asked}");
    assert!(!log.contains("203.0.113.9") && !log.contains("evil.example"), "{log}");
}
