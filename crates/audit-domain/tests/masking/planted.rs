//! Secrets planted into the shapes that logs, forms and frameworks write: none may remain.

use super::{event, masked, masked_message};
use audit_domain::{JsonText, MaskingPolicy};

const SECRETS: usize = 1_000;

/// A secret that nothing else contains.
fn secret(number: usize) -> String {
    format!("Zq{number:04}x{}w", (number * 7_919 + 104_729) % 1_000_003)
}

/// Texts with a secret at each `§`.
const TEXTS: [&str; 40] = [
    // A form in the value of a name.
    "PRIVATE_KEY=-----BEGIN RSA PRIVATE KEY-----\nMIIE§\n§\n-----END RSA PRIVATE KEY-----\nDEBUG=1",
    "HTTP_AUTHORIZATION=Bearer §§\nHTTP_HOST=example.com",
    "authorization=Bearer §, user=bob",
    "auth_token=Token § of bob",
    "secret='a' and then Bearer §§",
    // What looks like an element, and elements.
    "cannot delete <Token: §> of bob",
    "<login><password>§</password></login>",
    "<ns:secret type=\"x\">§</ns:secret>",
    "<secret><![CDATA[§]]></secret>",
    "<token>§<\\/token>",
    // Lists.
    "<QueryDict: {'username': ['bob'], 'password': ['§']}>",
    "{'recovery_codes': ['§', '§'], 'n': 1}",
    "was {\"password\": [\"§\"], \"a\"",
    "recovery_codes=[\"§\",\"§\"]",
    "recovery_codes=[§, §] of bob",
    "passwords=('§', None)",
    "credentials={'user': 'bob', 'password': '§'}",
    "{'tokens': [\n    '§',\n    '§',\n]}",
    "password=[\"§",
    // Brackets in a password.
    "u=b&password=§(!)&x=1",
    "/login?password=x(1)§",
    "password=§()&x=1",
    "failed password=§(x)y, retry",
    "password={§&x=1",
    // An index after a name.
    "u=b&password[]=§&x=1",
    "?password%5B%5D=§",
    "?password%5B0%5D=§&x",
    "user[password][new]=§",
    // Headers on lines of their own.
    "GET / HTTP/1.1\r\nX-Api-Key: §\r\nAccept: x",
    "x-csrf-token: §",
    "Host: x\nAuthorization: §\nAccept: y",
    "Cookie: §",
    "Authorization: Digest username=\"M\", response=\"§\", uri=\"/\"",
    "cookie=a=b; sessionid=§; theme=x",
    // Parts of forms, files and configurations.
    "--x\nContent-Disposition: form-data; name=\"password\"\n\n§\n--x--",
    "--x\nContent-Disposition: form-data; name=password\n\n§\n--x--",
    "<add key=\"Password\" value=\"§\"/>",
    "db:\n  password:\n    §\n  port: 1",
    "passphrase: correct § battery §",
    // The value again, without its name.
    "token=§ and then x=\\n§\\n",
];

/// JSON with a secret at each `§`.
const VALUES: [&str; 10] = [
    r#"{"name":"password","value":["§","§"]}"#,
    r#"{"values":["a=§"],"name":"Cookie"}"#,
    r#"[["Cookie","a=§"],["Accept","x"]]"#,
    r#"[["X-Api-Key",["§"]]]"#,
    r#"{"changes":[{"field":"password","old":"§","new":"§"}]}"#,
    r#"{"field":"client_secret","from":"§","to":"§"}"#,
    r#"{"before":"§","after":"§","field":"api_key"}"#,
    r#"{"key":"otp","old_value":"§","new_value":["§"]}"#,
    r#"{"has_password":"§"}"#,
    r#"{"body":"{\"field\":\"password\",\"old\":\"§\"}"}"#,
];

#[test]
fn no_planted_secret_remains() {
    let mut planted = 0;
    for number in 0..SECRETS {
        let secret = secret(number);
        let shapes = TEXTS.len() + VALUES.len();
        let masked = match TEXTS.get(number % shapes) {
            Some(text) => text_without(&text.replace('§', &secret), number / shapes),
            None => masked(&VALUES[number % shapes - TEXTS.len()].replace('§', &secret)).0,
        };
        assert!(!masked.contains(&secret), "{masked}");
        assert!(masked.contains("[masked]"), "{masked}");
        planted += 1;
    }
    assert_eq!(planted, SECRETS);
}

/// Masks a text in one of the places where records have texts, and returns all of the record.
fn text_without(text: &str, place: usize) -> String {
    let json = JsonText::string(text);
    match place % 4 {
        0 => masked_message(text),
        1 => masked(&format!("{{\"a\":[{json}],\"b\":\"p=1&q\"}}")).0,
        2 => {
            let mut event = event(&format!("{{\"description\":{json}}}"));
            assert!(event.mask(&MaskingPolicy::standard()).is_some());
            event.description.unwrap().to_string()
        }
        _ => masked(JsonText::string(&format!("{{\"x\":{json}}}")).as_str()).0,
    }
}
