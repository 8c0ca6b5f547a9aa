//! Policies (C2SP tlog-policy): the logs that somebody trusts, and which witnesses have to have seen
//! a checkpoint.

use std::collections::HashSet;
use std::str::FromStr;

use super::checkpoint::{Checkpoint, CheckpointError};
use super::key::{KeyError, KeyKind, VerifierKey};
use super::note::{Note, SignatureError};

/// The quorum of a policy that needs no witness.
const NONE: &str = "none";

/// Bytes of the largest policy that is read: some hundred logs and witnesses.
const POLICY_BYTES_MAX: usize = 64 * 1024;

/// A policy file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    logs: Vec<VerifierKey>,
    unsupported: Vec<String>,
    /// Witnesses and groups, in the order in which they are defined. A group has only members that
    /// are defined before it.
    members: Vec<Member>,
    /// The witnesses with a URL.
    witnesses: Vec<PolicyWitness>,
    /// The index of the member that has to have witnessed a checkpoint.
    quorum: Option<usize>,
}

/// A witness of a policy that can be asked to cosign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyWitness {
    /// Its name in the policy.
    pub name: String,
    /// Its key.
    pub key: VerifierKey,
    /// Its submission prefix (C2SP tlog-witness), as the policy has it.
    pub url: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Member {
    name: String,
    kind: MemberKind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum MemberKind {
    Witness(VerifierKey),
    /// A witness whose kind of signature is not verified here. It never counts.
    Unsupported,
    /// At least `least` of these members, by index.
    Group {
        least: usize,
        of: Vec<usize>,
    },
}

/// The reason why a text is not a policy, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {fault}")]
pub struct PolicyError {
    /// The line, from 1; the last line if something is missing.
    pub line: usize,
    /// The fault.
    pub fault: PolicyFault,
}

/// A fault of a line of a policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyFault {
    /// The line has another form.
    #[error("expected `log KEY [URL]`, `witness NAME KEY [URL]`, `group NAME all|any|NUMBER NAME…` or `quorum NAME`")]
    Form,
    /// The policy is too large.
    #[error("a policy has at most {POLICY_BYTES_MAX} bytes")]
    TooLarge,
    /// It has a control character.
    #[error("a policy has no control characters but tabs and line feeds")]
    ControlCharacter,
    /// The key cannot be read.
    #[error("the key of {1}: {0}")]
    Key(KeyError, &'static str),
    /// The key is one of the other kind.
    #[error("{0} is not the key of {1}")]
    OtherKey(String, &'static str),
    /// The key is there already, under whatever name.
    #[error("the key of {0} is listed twice")]
    RepeatedKey(String),
    /// The name is there already, or is `none`.
    #[error("the name {0} is used already, or means that no witness is needed")]
    RepeatedName(String),
    /// No line before defines the name.
    #[error("{0} is not defined before this line")]
    Undefined(String),
    /// The name is in a group already, so its witnesses would count twice.
    #[error("{0} is a member of a group already")]
    RepeatedMember(String),
    /// The group does not have that many members.
    #[error("a group needs `all`, `any`, or a number from 1 to that of its members (got {0})")]
    Threshold(String),
    /// The quorum is missing, or given twice.
    #[error("a policy has one line `quorum NAME`")]
    Quorum,
}

/// The reason why a note does not meet a policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyUnmet {
    /// It is not the checkpoint of a log.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// None of the logs signed it.
    #[error("no log of the policy signed this checkpoint")]
    NoLog,
    /// A cosignature is wrong, which is not the same as missing.
    #[error(transparent)]
    Cosignature(SignatureError),
    /// The witnesses that cosigned it are not enough.
    #[error("the quorum {quorum} is not met: {} cosigned", names(.witnesses))]
    Quorum {
        /// The name of the quorum.
        quorum: String,
        /// The names of the witnesses that cosigned.
        witnesses: Vec<String>,
    },
}

fn names(witnesses: &[String]) -> String {
    if witnesses.is_empty() { "no witness".to_owned() } else { witnesses.join(", ") }
}

/// A witness that cosigned a checkpoint, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witnessed {
    /// The name of the witness in the policy.
    pub name: String,
    /// The time of its cosignature, in seconds since the epoch.
    pub time: u64,
}

/// A checkpoint that meets a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// The checkpoint.
    pub checkpoint: Checkpoint,
    /// The witnesses of the policy that cosigned it.
    pub witnesses: Vec<Witnessed>,
}

impl Policy {
    /// The logs.
    #[must_use]
    pub fn logs(&self) -> &[VerifierKey] {
        &self.logs
    }

    /// The witnesses with a URL whose kind of signature is verified here.
    #[must_use]
    pub fn witnesses(&self) -> &[PolicyWitness] {
        &self.witnesses
    }

    /// The names of the logs and witnesses whose kind of signature is not verified here. They never
    /// count.
    #[must_use]
    pub fn unsupported(&self) -> &[String] {
        &self.unsupported
    }

    /// Opens a checkpoint that one of the logs signed and enough witnesses cosigned. A wrong signature
    /// of any key of the policy refuses it.
    ///
    /// # Errors
    ///
    /// [`PolicyUnmet`].
    pub fn open(&self, note: &str) -> Result<Opened, PolicyUnmet> {
        let note: Note = note.parse().map_err(CheckpointError::Note)?;
        let (mut opened, mut unmet) = (None, PolicyUnmet::NoLog);
        for log in &self.logs {
            match Checkpoint::of_note(&note, log) {
                Ok(checkpoint) => opened = Some(checkpoint),
                Err(CheckpointError::Signature(SignatureError::Missing(_))) => {}
                // A log may sign the checkpoint of another one, which proves nothing about either.
                Err(error @ CheckpointError::Origin { .. }) => unmet = error.into(),
                Err(error) => return Err(error.into()),
            }
        }
        let checkpoint = opened.ok_or(unmet)?;
        Ok(Opened { checkpoint, witnesses: self.witnesses_of(&note)? })
    }

    /// The witnesses of the policy that cosigned a note, if they are enough. The caller has verified
    /// that a log signed it.
    fn witnesses_of(&self, note: &Note) -> Result<Vec<Witnessed>, PolicyUnmet> {
        let (mut witnesses, mut has_seen) = (Vec::new(), Vec::with_capacity(self.members.len()));
        for Member { name, kind } in &self.members {
            has_seen.push(match kind {
                MemberKind::Witness(key) => match note.verify(key) {
                    Ok(Some(time)) => {
                        witnesses.push(Witnessed { name: name.clone(), time });
                        true
                    }
                    Ok(None) | Err(SignatureError::Missing(_)) => false,
                    Err(wrong) => return Err(PolicyUnmet::Cosignature(wrong)),
                },
                MemberKind::Unsupported => false,
                MemberKind::Group { least, of } => of.iter().filter(|member| has_seen[**member]).count() >= *least,
            });
        }
        match self.quorum.filter(|quorum| !has_seen[*quorum]) {
            None => Ok(witnesses),
            Some(quorum) => {
                let names = witnesses.into_iter().map(|witness| witness.name).collect();
                Err(PolicyUnmet::Quorum { quorum: self.members[quorum].name.clone(), witnesses: names })
            }
        }
    }
}

impl FromStr for Policy {
    type Err = PolicyError;

    fn from_str(text: &str) -> Result<Policy, PolicyError> {
        if text.len() > POLICY_BYTES_MAX {
            return Err(PolicyError { line: 1, fault: PolicyFault::TooLarge });
        }
        let mut reader = Reader::default();
        for (line, text) in (1..).zip(text.split('\n')) {
            reader.line(text).map_err(|fault| PolicyError { line, fault })?;
        }
        let Reader { logs, unsupported, members, witnesses, quorum, .. } = reader;
        let quorum = quorum.ok_or_else(|| PolicyError { line: text.split('\n').count(), fault: PolicyFault::Quorum })?;
        Ok(Policy { logs, unsupported, members, witnesses, quorum })
    }
}

/// A policy that is read line by line.
#[derive(Default)]
struct Reader {
    logs: Vec<VerifierKey>,
    unsupported: Vec<String>,
    members: Vec<Member>,
    witnesses: Vec<PolicyWitness>,
    /// The members that are in a group.
    grouped: HashSet<usize>,
    quorum: Option<Option<usize>>,
}

impl Reader {
    fn line(&mut self, line: &str) -> Result<(), PolicyFault> {
        if line.bytes().any(|byte| byte != b'\t' && byte.is_ascii_control()) {
            return Err(PolicyFault::ControlCharacter);
        }
        let items: Vec<&str> = line.split([' ', '\t']).filter(|item| !item.is_empty()).collect();
        match items.as_slice() {
            [] => Ok(()),
            [comment, ..] if comment.starts_with('#') => Ok(()),
            ["log", key] | ["log", key, _] => self.log(key),
            ["witness", name, key] => self.witness(name, key, None),
            ["witness", name, key, url] => self.witness(name, key, Some(url)),
            ["group", name, least, of @ ..] if !of.is_empty() => self.group(name, least, of),
            ["quorum", name] => {
                let quorum = if *name == NONE { None } else { Some(self.find(name)?) };
                if self.quorum.replace(quorum).is_some() { Err(PolicyFault::Quorum) } else { Ok(()) }
            }
            _ => Err(PolicyFault::Form),
        }
    }

    fn log(&mut self, text: &str) -> Result<(), PolicyFault> {
        let Some(key) = parse_key(text, KeyKind::Ed25519, "a log")? else {
            self.unsupported.push(name_of_key(text));
            return Ok(());
        };
        if self.logs.iter().any(|log| log.has_same_key(&key)) {
            return Err(PolicyFault::RepeatedKey(key.name().to_owned()));
        }
        self.logs.push(key);
        Ok(())
    }

    fn witness(&mut self, name: &str, text: &str, url: Option<&str>) -> Result<(), PolicyFault> {
        let Some(key) = parse_key(text, KeyKind::Cosignature, "a witness")? else {
            self.unsupported.push(name.to_owned());
            return self.define(name, MemberKind::Unsupported);
        };
        let is_same = |member: &Member| matches!(&member.kind, MemberKind::Witness(known) if known.has_same_key(&key));
        if self.members.iter().any(is_same) {
            return Err(PolicyFault::RepeatedKey(name.to_owned()));
        }
        if let Some(url) = url {
            self.witnesses.push(PolicyWitness { name: name.to_owned(), key: key.clone(), url: url.to_owned() });
        }
        self.define(name, MemberKind::Witness(key))
    }

    fn group(&mut self, name: &str, least: &str, names: &[&str]) -> Result<(), PolicyFault> {
        let of = names.iter().map(|name| self.find(name)).collect::<Result<Vec<usize>, _>>()?;
        for (member, name) in of.iter().zip(names) {
            if !self.grouped.insert(*member) {
                return Err(PolicyFault::RepeatedMember((*name).to_owned()));
            }
        }
        let least = match least {
            "all" => of.len(),
            "any" => 1,
            number => {
                let is_number = number.bytes().all(|byte| byte.is_ascii_digit());
                let least = number.parse().ok().filter(|least| is_number && (1..=of.len()).contains(least));
                least.ok_or_else(|| PolicyFault::Threshold(number.to_owned()))?
            }
        };
        self.define(name, MemberKind::Group { least, of })
    }

    fn define(&mut self, name: &str, kind: MemberKind) -> Result<(), PolicyFault> {
        if name == NONE || self.find(name).is_ok() {
            return Err(PolicyFault::RepeatedName(name.to_owned()));
        }
        self.members.push(Member { name: name.to_owned(), kind });
        Ok(())
    }

    fn find(&self, name: &str) -> Result<usize, PolicyFault> {
        self.members.iter().position(|member| member.name == name).ok_or_else(|| PolicyFault::Undefined(name.to_owned()))
    }
}

/// Reads the key of a log or of a witness. `None` if its kind is not verified here.
fn parse_key(text: &str, kind: KeyKind, of: &'static str) -> Result<Option<VerifierKey>, PolicyFault> {
    match text.parse::<VerifierKey>() {
        Ok(key) if key.kind() == kind => Ok(Some(key)),
        Ok(key) => Err(PolicyFault::OtherKey(key.name().to_owned(), of)),
        Err(KeyError::Kind { .. }) => Ok(None),
        Err(error) => Err(PolicyFault::Key(error, of)),
    }
}

fn name_of_key(text: &str) -> String {
    text.split_once('+').map_or(text, |(name, _)| name).to_owned()
}
