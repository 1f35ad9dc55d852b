//! Who is behind a proxy. Only proxies that the operator trusts are believed, and of what they pass on only what one of them has written:
//! the address that stands furthest right and is no trusted proxy's. Whatever stands left of it, anybody may have written.

use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, HeaderName, header};

use crate::config::TrustedProxies;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The client of a request that came from `connected`. A proxy writes one of the two headers and may pass the other one through as a
/// stranger wrote it: where they do not agree, nobody is believed.
pub fn client(connected: IpAddr, headers: &HeaderMap, trusted: &TrustedProxies) -> IpAddr {
    let connected = connected.to_canonical();
    if !trusted.contains(connected) {
        return connected;
    }
    let plain = elements(headers, &X_FORWARDED_FOR).map(|list| first_stranger(connected, &list, address, trusted));
    let standard = elements(headers, &header::FORWARDED).map(|list| first_stranger(connected, &list, forwarded_for, trusted));
    match (plain, standard) {
        (Some(one), Some(other)) if one != other => connected,
        (Some(one), _) | (None, Some(one)) => one,
        (None, None) => connected,
    }
}

/// From the right, as far as trusted proxies vouch for what stands there. What is no address ends it: then the last proxy is the client.
fn first_stranger(connected: IpAddr, list: &[String], read: fn(&str) -> Option<IpAddr>, trusted: &TrustedProxies) -> IpAddr {
    let mut last = connected;
    for element in list.iter().rev() {
        let Some(address) = read(element) else { return last };
        last = address;
        if !trusted.contains(address) {
            break;
        }
    }
    last
}

/// The elements of a list over all headers of this name. None: there is no such header.
fn elements(headers: &HeaderMap, name: &HeaderName) -> Option<Vec<String>> {
    let mut values = headers.get_all(name).iter().peekable();
    values.peek()?;
    // A value that is no text is an element that nobody can read.
    Some(values.flat_map(|value| split(value.to_str().unwrap_or("?"), ',')).collect())
}

/// Parts between separators outside of quotes.
fn split(text: &str, separator: char) -> Vec<String> {
    let (mut parts, mut quoted, mut escaped) = (vec![String::new()], false, false);
    for letter in text.chars() {
        if letter == separator && !quoted {
            parts.push(String::new());
            continue;
        }
        quoted ^= letter == '"' && !escaped;
        escaped = quoted && letter == '\\' && !escaped;
        if let Some(part) = parts.last_mut() {
            part.push(letter);
        }
    }
    parts
}

/// The parameter `for` of an element of `Forwarded`. Source: RFC 7239, section 4.
fn forwarded_for(element: &str) -> Option<IpAddr> {
    let mut named = split(element, ';').into_iter().filter_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        name.trim().eq_ignore_ascii_case("for").then(|| value.trim().to_owned())
    });
    let value = named.next()?;
    if named.next().is_some() {
        return None;
    }
    address(value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(&value))
}

/// An address, with or without a port, of IPv6 with or without brackets.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let found = bare.parse::<IpAddr>().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip()));
    found.map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn told(connected: &str, headers: &[(&str, &str)]) -> String {
        let trusted = TrustedProxies::try_from(vec!["10.0.0.0/8".to_owned(), "fd00::1".to_owned()]).unwrap();
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(HeaderName::try_from(*name).unwrap(), HeaderValue::from_str(value).unwrap());
        }
        client(connected.parse().unwrap(), &map, &trusted).to_string()
    }

    #[test]
    fn a_stranger_is_not_believed() {
        for name in ["forwarded", "x-forwarded-for"] {
            assert_eq!(told("192.0.2.9", &[(name, "for=198.51.100.1"), (name, "198.51.100.1")]), "192.0.2.9");
        }
        assert_eq!(told("::ffff:192.0.2.9", &[("x-forwarded-for", "198.51.100.1")]), "192.0.2.9");
    }

    #[test]
    fn a_proxy_tells_who_connected_to_it_and_no_more() {
        for (value, client) in [
            ("198.51.100.1", "198.51.100.1"),
            ("1.1.1.1, 198.51.100.1", "198.51.100.1"),
            ("1.1.1.1, 198.51.100.1, 10.1.1.1", "198.51.100.1"),
            ("198.51.100.1:4711", "198.51.100.1"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]:443", "2001:db8::1"),
            ("10.2.2.2, 10.1.1.1", "10.2.2.2"),
            ("198.51.100.1, nonsense", "10.0.0.1"),
            ("198.51.100.1, nonsense, 10.1.1.1", "10.1.1.1"),
            ("", "10.0.0.1"),
        ] {
            assert_eq!(told("10.0.0.1", &[("x-forwarded-for", value)]), client, "{value}");
            assert_eq!(told("::ffff:10.0.0.1", &[("x-forwarded-for", value)]), client, "{value}");
        }
        let lines = [("x-forwarded-for", "1.1.1.1"), ("x-forwarded-for", "198.51.100.1"), ("x-forwarded-for", "10.1.1.1")];
        assert_eq!(told("fd00::1", &lines), "198.51.100.1");
        assert_eq!(told("10.0.0.1", &[]), "10.0.0.1");
    }

    #[test]
    fn the_standard_header_is_read_with_its_quotes() {
        for (value, client) in [
            ("for=198.51.100.1", "198.51.100.1"),
            ("For=\"[2001:db8::1]:4711\";proto=https;by=10.0.0.1", "2001:db8::1"),
            ("for=1.1.1.1, proto=https; for=198.51.100.1", "198.51.100.1"),
            ("for=\"1.1.1.1, for=8.8.8.8\"", "10.0.0.1"),
            ("for=198.51.100.1;for=8.8.8.8", "10.0.0.1"),
            ("for=_hidden", "10.0.0.1"),
            ("for=unknown, for=10.1.1.1", "10.1.1.1"),
        ] {
            assert_eq!(told("10.0.0.1", &[("forwarded", value)]), client, "{value}");
        }
    }

    #[test]
    fn two_headers_that_differ_are_no_word_of_a_proxy() {
        let both = |standard, plain| told("10.0.0.1", &[("forwarded", standard), ("x-forwarded-for", plain)]);
        assert_eq!(both("for=198.51.100.1", "198.51.100.1"), "198.51.100.1");
        assert_eq!(both("for=1.1.1.1", "198.51.100.1"), "10.0.0.1");
    }
}
