//! Tokens: made, found by their key, ended, never deleted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use audit_store::AdminKeyError;
use audit_store::domain::{ChannelGrant, ChannelId, Clock, NewToken, Role, Timestamp, Token, TokenKey};

use crate::common::{Scratch, only};

fn new(name: &str, role: Role, channels: ChannelGrant) -> NewToken {
    NewToken { name: name.to_owned(), role, channels, expires_at: None }
}

#[test]
fn a_token_is_found_by_its_key_and_only_its_digest_is_stored() {
    let scratch = Scratch::new();
    let channels = ChannelGrant::Only([0, 7, i64::MAX].map(|id| ChannelId::new(id).unwrap()).into());
    let expires_at = Timestamp::parse("2100-01-01").ok();
    let asked = NewToken { expires_at, ..new("zo\u{eb} \u{1f511}'", Role::Writer, channels) };
    let (token, key) = scratch.store.create_token(asked.clone()).unwrap();
    assert_eq!((token.id, &token.name, token.role, &token.channels), (1, &asked.name, asked.role, &asked.channels));
    assert_eq!((token.expires_at, token.revoked_at), (expires_at, None));
    assert_eq!(scratch.store.find_token(&key).unwrap(), Some(token.clone()));
    assert_eq!(scratch.store.tokens().unwrap(), [token]);
    assert_eq!(scratch.store.find_token(&TokenKey::from_text("another")).unwrap(), None);
    assert_eq!(scratch.store.find_token(&TokenKey::from_text(&key.reveal().to_uppercase())).unwrap(), None);
    let stored = format!("{:?}", scratch.raw().rows("SELECT * FROM tokens"));
    let digest: String = key.digest().iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(stored.contains(&digest) && !stored.contains(key.reveal()));
}

#[test]
fn keys_differ_and_ids_count_up_without_ever_being_used_twice() {
    let scratch = Scratch::new();
    let create = || scratch.store.create_token(new("t", Role::Reader, ChannelGrant::All)).unwrap();
    let made: Vec<(Token, TokenKey)> = (0..5).map(|_| create()).collect();
    assert_eq!(made.iter().map(|(token, _)| token.id).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    for id in [5, 1] {
        assert!(scratch.store.revoke_token(id, ChannelGrant::All).unwrap());
    }
    assert_eq!(create().0.id, 6);
    assert_eq!(scratch.open_again().create_token(new("t", Role::Reader, only(1))).unwrap().0.id, 7);
    let mut keys: Vec<&str> = made.iter().map(|(_, key)| key.reveal()).collect();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), 5);
}

#[test]
fn a_token_ends_once_and_is_still_found() {
    let scratch = Scratch::new();
    let (token, key) = scratch.store.create_token(new("t", Role::Reader, only(1))).unwrap();
    assert!(scratch.store.revoke_token(token.id, ChannelGrant::All).unwrap());
    let revoked = scratch.store.find_token(&key).unwrap().unwrap();
    assert!(revoked.revoked_at.is_some() && !revoked.is_valid_at(Timestamp::now().unwrap()));
    assert!(!scratch.store.revoke_token(token.id, ChannelGrant::All).unwrap());
    assert_eq!(scratch.store.find_token(&key).unwrap(), Some(revoked), "the first end counts");
    assert!(!scratch.store.revoke_token(99, ChannelGrant::All).unwrap());
}

#[test]
fn a_token_expires_at_its_moment() {
    let scratch = Scratch::new();
    let end = Timestamp::parse("2030-01-01").unwrap();
    let (_, key) = scratch.store.create_token(NewToken { expires_at: Some(end), ..new("t", Role::Reader, only(1)) }).unwrap();
    let token = scratch.store.find_token(&key).unwrap().unwrap();
    assert!(token.is_valid_at(Timestamp::from_micros(end.micros() - 1).unwrap()) && !token.is_valid_at(end));
}

#[test]
fn tokens_are_dated_by_the_clock_of_the_store() {
    let seconds = |date: &str| Timestamp::parse(date).unwrap().micros().unsigned_abs() / 1_000_000;
    let present = Arc::new(AtomicU64::new(seconds("2040-01-01")));
    let hands = Arc::clone(&present);
    let clock = Clock::from_fn(move || SystemTime::UNIX_EPOCH + Duration::from_secs(hands.load(Ordering::SeqCst)));
    let scratch = Scratch::with(|config| config.clock = clock.clone());
    let expires_at = Timestamp::parse("2050-01-01").ok();
    let admin = NewToken { expires_at, ..new("t", Role::Admin, ChannelGrant::All) };
    let (token, key) = scratch.store.create_token(admin).unwrap();
    assert_eq!(token.created_at.to_string(), "2040-01-01T00:00:00Z");
    assert_eq!(scratch.store.ensure_admin(key.clone()).unwrap(), Ok(token.clone()));
    let outside = scratch.store.ensure_admin(TokenKey::from_text("a key from outside")).unwrap().unwrap();
    assert_eq!(outside.created_at.to_string(), "2040-01-01T00:00:00Z");
    present.store(seconds("2050-01-01"), Ordering::SeqCst);
    assert_eq!(scratch.store.ensure_admin(key).unwrap(), Err(AdminKeyError::Expired(token.id)));
    assert!(scratch.store.revoke_token(outside.id, ChannelGrant::All).unwrap());
    let revoked_at: Vec<_> = scratch.store.tokens().unwrap().iter().map(|token| token.revoked_at).collect();
    assert_eq!(revoked_at, [None, expires_at]);
}

#[test]
fn tokens_are_revoked_within_a_grant_only() {
    let scratch = Scratch::new();
    let two = ChannelGrant::Only([1, 2].map(|id| ChannelId::new(id).unwrap()).into());
    let grants = [only(1), two.clone(), ChannelGrant::All];
    for channels in &grants {
        scratch.store.create_token(new("t", Role::Reader, channels.clone())).unwrap();
    }
    let revoked = |id: i64, within: &ChannelGrant| scratch.store.revoke_token(id, within.clone()).unwrap();
    assert!(!revoked(2, &only(1)) && !revoked(3, &two) && !revoked(1, &only(3)));
    assert!(scratch.store.tokens().unwrap().iter().all(|token| token.revoked_at.is_none()));
    assert!(revoked(1, &two) && revoked(2, &two) && revoked(3, &ChannelGrant::All));
}

#[test]
fn a_token_for_no_channel_at_all_can_be_listed() {
    let scratch = Scratch::new();
    let none = ChannelGrant::Only([].into());
    let (token, key) = scratch.store.create_token(new("t", Role::Reader, none.clone())).unwrap();
    assert_eq!(token.channels, none);
    assert_eq!(scratch.store.find_token(&key).unwrap(), Some(token.clone()));
    assert_eq!(scratch.store.tokens().unwrap(), [token]);
}

#[test]
fn the_administrators_key_keeps_its_id_over_restarts() {
    let scratch = Scratch::new();
    scratch.store.create_token(new("t", Role::Reader, only(1))).unwrap();
    let key = TokenKey::from_text("a key from outside");
    let token = scratch.store.ensure_admin(key.clone()).unwrap().unwrap();
    assert_eq!((token.id, token.role, &token.channels), (2, Role::Admin, &ChannelGrant::All));
    assert_eq!(scratch.store.ensure_admin(key.clone()).unwrap(), Ok(token.clone()));
    assert_eq!(scratch.open_again().ensure_admin(key.clone()).unwrap(), Ok(token.clone()));
    assert_eq!(scratch.store.find_token(&key).unwrap(), Some(token));
    assert_eq!(scratch.store.ensure_admin(TokenKey::from_text("another key")).unwrap().unwrap().id, 3);
}

#[test]
fn a_revoked_or_lesser_key_never_becomes_the_administrators() {
    let scratch = Scratch::new();
    let key = TokenKey::from_text("a key from outside");
    let token = scratch.store.ensure_admin(key.clone()).unwrap().unwrap();
    scratch.store.revoke_token(token.id, ChannelGrant::All).unwrap();
    assert_eq!(scratch.store.ensure_admin(key).unwrap(), Err(AdminKeyError::Revoked(1)));
    let ended = NewToken { expires_at: Timestamp::parse("2020-01-01").ok(), ..new("ended", Role::Admin, ChannelGrant::All) };
    let (ended, key) = scratch.store.create_token(ended).unwrap();
    assert_eq!(scratch.store.ensure_admin(key).unwrap(), Err(AdminKeyError::Expired(ended.id)));
    for (role, channels) in [(Role::Admin, only(1)), (Role::Writer, ChannelGrant::All), (Role::Reader, ChannelGrant::All)] {
        let (token, key) = scratch.store.create_token(new("t", role, channels)).unwrap();
        assert_eq!(scratch.store.ensure_admin(key).unwrap(), Err(AdminKeyError::NotAdmin(token.id)));
    }
}

#[test]
fn servers_that_start_at_once_share_the_administrators_key() {
    let scratch = Scratch::new();
    let stores: Vec<_> = (0..8).map(|_| scratch.open_again()).collect();
    let tokens: Vec<_> = std::thread::scope(|scope| {
        let ensure = |store| scope.spawn(move || audit_store::Store::ensure_admin(store, TokenKey::from_text("one key for all")));
        let running: Vec<_> = stores.iter().map(ensure).collect();
        running.into_iter().map(|thread| thread.join().unwrap().unwrap().unwrap()).collect()
    });
    assert!(tokens.iter().all(|token| *token == tokens[0]));
    assert_eq!(scratch.store.tokens().unwrap().len(), 1);
}
