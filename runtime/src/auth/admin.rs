//! Making, listing and revoking tokens and share links, the signing key and the password: for their owner's commands. No
//! function does any of it, or has the right to.

use footfall_infra::api;
use footfall_infra::settings::Domain;
use jiff::Timestamp;
use url::form_urlencoded::Serializer;

use super::token::hex;
use super::{
    EmbedOrigin, LoginLink, Password, PasswordHash, SHARE_PARAMETER, Secret, SigningKey, Token,
    TokenKind,
};
use crate::platform::context::{Context, RandomError};
use crate::platform::sanitize::clean;
use crate::storage::keys;
use crate::storage::{Item, KeyRange, PutOutcome, Store, StoreError};

/// The most bytes of a token's name.
const MAX_NAME: usize = 100;

/// Why something could not be made or changed.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// The table.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The dice.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// The token could not be written; no way to this is known.
    #[error("the token cannot be written: {0}")]
    Encode(#[from] serde_json::Error),
    /// The password could not be hashed: there is not the memory for it.
    #[error("the password cannot be hashed: {0}")]
    Hash(#[from] argon2::password_hash::Error),
}

/// What a new token or share link is to be.
#[derive(Debug, Clone)]
pub struct TokenRequest {
    /// What it opens.
    pub kind: TokenKind,
    /// Its site.
    pub site: Domain,
    /// What its owner calls it.
    pub name: String,
    /// When it ends.
    pub expires: Option<Timestamp>,
    /// Whose pages may show it in a frame.
    pub embed: Vec<EmbedOrigin>,
}

/// Makes a token or a share link. This is the one time that its secret is there to be shown.
///
/// # Errors
/// If it cannot be stored.
pub async fn create<S: Store, A: Context>(
    store: &S,
    ambient: &A,
    wish: TokenRequest,
) -> Result<(Secret, Token), AdminError> {
    let secret = Secret::new(wish.kind, [ambient.random()?, ambient.random()?]);
    let token = Token {
        id: hex(&ambient.random()?[..4]),
        kind: wish.kind,
        site: wish.site,
        name: clean(&wish.name, MAX_NAME),
        created: ambient.now(),
        expires: wish.expires,
        embed: wish.embed,
    };
    let item = Item {
        key: keys::token_key(&secret.hash()),
        value: serde_json::to_vec(&token)?,
        // Once it opens nothing any more, the table need not keep it.
        expires: token.expires.map(|expires| expires.as_second() + 1),
    };
    store.put(item).await?;
    Ok((secret, token))
}

/// The tokens or share links there are, oldest first, expired ones included as long as they are stored.
///
/// # Errors
/// If the store cannot be read.
pub async fn list<S: Store>(store: &S, kind: TokenKind) -> Result<Vec<Token>, AdminError> {
    let mut tokens: Vec<Token> = stored(store, kind).await?.into_iter().map(|(_, t)| t).collect();
    tokens.sort_by(|a, b| (a.created, &a.id).cmp(&(b.created, &b.id)));
    Ok(tokens)
}

/// Revokes the token or share link with an ID, at once and for good; gives what it was, if there was one.
///
/// # Errors
/// If the store cannot be read or written.
pub async fn revoke<S: Store>(
    store: &S,
    kind: TokenKind,
    id: &str,
) -> Result<Option<Token>, AdminError> {
    let found = stored(store, kind).await?.into_iter().find(|(_, token)| token.id == id);
    let Some((item, token)) = found else { return Ok(None) };
    store.delete(&item.key).await?;
    Ok(Some(token))
}

async fn stored<S: Store>(store: &S, kind: TokenKind) -> Result<Vec<(Item, Token)>, StoreError> {
    let (range, mut after, mut found) = (keys::tokens(), None, Vec::new());
    loop {
        let page = store.query(&range, after.as_deref()).await?;
        for item in page.items {
            let token = Token::decode(&item)?;
            if token.kind == kind {
                found.push((item, token));
            }
        }
        after = page.next;
        if after.is_none() {
            return Ok(found);
        }
    }
}

/// The signing key, made if there is none. Of two that make one at once, one wins, and both have it.
///
/// # Errors
/// If the store cannot be written, or what is there is no key.
pub async fn signing_key<S: Store, A: Context>(
    store: &S,
    ambient: &A,
) -> Result<SigningKey, AdminError> {
    let key = new_key(ambient)?;
    match store.put_if_absent(key_item(&key)).await? {
        PutOutcome::Inserted => Ok(key),
        PutOutcome::Existing(item) => Ok(SigningKey::decode(&item)?),
    }
}

/// Puts a new signing key in the place of any other: every session and login link is over.
///
/// # Errors
/// If the store cannot be written.
pub async fn rotate_key<S: Store, A: Context>(
    store: &S,
    ambient: &A,
) -> Result<SigningKey, AdminError> {
    let key = new_key(ambient)?;
    store.put(key_item(&key)).await?;
    Ok(key)
}

/// Lets the owner sign in with a password, in place of any other. Who is signed in stays so.
///
/// # Errors
/// If it cannot be stored.
pub async fn set_password<S: Store, A: Context>(
    store: &S,
    ambient: &A,
    password: &Password,
) -> Result<(), AdminError> {
    let hash = PasswordHash::new(password, ambient.random()?)?;
    // Without a key, there are no sessions to be had by it.
    signing_key(store, ambient).await?;
    store.put(Item { key: keys::password_key(), value: hash.to_bytes(), expires: None }).await?;
    Ok(())
}

/// Takes the password away, and says whether there was one. Who is signed in stays so.
///
/// # Errors
/// If the store cannot be read or written.
pub async fn remove_password<S: Store>(store: &S) -> Result<bool, AdminError> {
    let key = keys::password_key();
    let was_there = !store.query(&KeyRange::one(&key), None).await?.items.is_empty();
    store.delete(&key).await?;
    Ok(was_there)
}

/// The address of a login link.
#[must_use]
pub fn login_url(endpoint: &str, link: &str) -> String {
    address(endpoint, api::LOGIN, "link", link)
}

/// The address of a shared dashboard.
#[must_use]
pub fn share_url(endpoint: &str, secret: &Secret) -> String {
    address(endpoint, api::DASHBOARD, SHARE_PARAMETER, secret.expose())
}

fn address(endpoint: &str, path: &str, name: &str, value: &str) -> String {
    let endpoint = endpoint.trim_end_matches('/');
    let mut query = Serializer::new(String::new());
    format!("{endpoint}{path}?{}", query.append_pair(name, value).finish())
}

/// The text of a new login link.
///
/// # Errors
/// If there is no randomness.
pub fn login_link<A: Context>(
    ambient: &A,
    key: &SigningKey,
    site: Option<Domain>,
) -> Result<String, RandomError> {
    Ok(LoginLink::new(ambient.now(), ambient.random()?, site).signed(key))
}

fn new_key<A: Context>(ambient: &A) -> Result<SigningKey, RandomError> {
    let mut bytes = [0; 32];
    bytes[..16].copy_from_slice(&ambient.random()?);
    bytes[16..].copy_from_slice(&ambient.random()?);
    Ok(SigningKey::new(bytes))
}

fn key_item(key: &SigningKey) -> Item {
    Item { key: keys::signing_key(), value: key.to_bytes(), expires: None }
}
