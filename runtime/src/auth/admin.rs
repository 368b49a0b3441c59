//! Administration of tokens, share links, the signing key and the password, for the owner's commands. The
//! functions do none of this, and have no permission for it.

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

/// Maximum length of a token's name, in bytes.
const MAX_NAME: usize = 100;

/// Why an administrative change failed.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no randomness.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// The token could not be encoded. No cause is known.
    #[error("cannot encode the token: {0}")]
    Encode(#[from] serde_json::Error),
    /// The password could not be hashed, for lack of memory.
    #[error("cannot hash the password: {0}")]
    Hash(#[from] argon2::password_hash::Error),
}

/// The properties of a new token or share link.
#[derive(Debug, Clone)]
pub struct TokenRequest {
    /// What it gives access to.
    pub kind: TokenKind,
    /// The only site that it gives access to.
    pub site: Domain,
    /// The owner's name for it.
    pub name: String,
    /// When it expires. `None` means never.
    pub expires: Option<Timestamp>,
    /// Origins whose pages may embed it in a frame.
    pub embed: Vec<EmbedOrigin>,
}

/// Creates a token or a share link. Only now is its secret available.
///
/// # Errors
/// If it cannot be stored.
pub async fn create<S: Store, C: Context>(
    store: &S,
    context: &C,
    request: TokenRequest,
) -> Result<(Secret, Token), AdminError> {
    let secret = Secret::new(request.kind, [context.random()?, context.random()?]);
    let token = Token {
        id: hex(&context.random()?[..4]),
        kind: request.kind,
        site: request.site,
        name: clean(&request.name, MAX_NAME),
        created: context.now(),
        expires: request.expires,
        embed: request.embed,
    };
    let item = Item {
        key: keys::token_key(&secret.hash()),
        value: serde_json::to_vec(&token)?,
        // The table deletes it after it has expired.
        expires: token.expires.map(|expires| expires.as_second() + 1),
    };
    store.put(item).await?;
    Ok((secret, token))
}

/// Lists tokens or share links, oldest first, including expired ones that are still stored.
///
/// # Errors
/// If the store cannot be read.
pub async fn list<S: Store>(store: &S, kind: TokenKind) -> Result<Vec<Token>, AdminError> {
    let mut tokens: Vec<Token> = stored(store, kind).await?.into_iter().map(|(_, t)| t).collect();
    tokens.sort_by(|a, b| (a.created, &a.id).cmp(&(b.created, &b.id)));
    Ok(tokens)
}

/// Revokes a token or share link by its ID, immediately and permanently. Returns it, or `None` if the ID is unknown.
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

/// Returns the signing key; creates it if it is missing. Concurrent calls return the same key.
///
/// # Errors
/// If the store cannot be written, or the stored key is invalid.
pub async fn signing_key<S: Store, C: Context>(
    store: &S,
    context: &C,
) -> Result<SigningKey, AdminError> {
    let key = new_key(context)?;
    match store.put_if_absent(key_item(&key)).await? {
        PutOutcome::Inserted => Ok(key),
        PutOutcome::Existing(item) => Ok(SigningKey::decode(&item)?),
    }
}

/// Replaces the signing key, which invalidates every session and login link.
///
/// # Errors
/// If the store cannot be written.
pub async fn rotate_key<S: Store, C: Context>(
    store: &S,
    context: &C,
) -> Result<SigningKey, AdminError> {
    let key = new_key(context)?;
    store.put(key_item(&key)).await?;
    Ok(key)
}

/// Sets or replaces the owner's password. Existing sessions stay valid.
///
/// # Errors
/// If it cannot be stored.
pub async fn set_password<S: Store, C: Context>(
    store: &S,
    context: &C,
    password: &Password,
) -> Result<(), AdminError> {
    let hash = PasswordHash::new(password, context.random()?)?;
    // Signing in with the password needs a signing key.
    signing_key(store, context).await?;
    store.put(Item { key: keys::password_key(), value: hash.to_bytes(), expires: None }).await?;
    Ok(())
}

/// Removes the password, and returns whether there was one. Existing sessions stay valid.
///
/// # Errors
/// If the store cannot be read or written.
pub async fn remove_password<S: Store>(store: &S) -> Result<bool, AdminError> {
    let key = keys::password_key();
    let existed = !store.query(&KeyRange::one(&key), None).await?.items.is_empty();
    store.delete(&key).await?;
    Ok(existed)
}

/// Returns the URL of a login link.
#[must_use]
pub fn login_url(endpoint: &str, link: &str) -> String {
    url(endpoint, api::LOGIN, "link", link)
}

/// Returns the URL of a shared dashboard.
#[must_use]
pub fn share_url(endpoint: &str, secret: &Secret) -> String {
    url(endpoint, api::DASHBOARD, SHARE_PARAMETER, secret.expose())
}

fn url(endpoint: &str, path: &str, name: &str, value: &str) -> String {
    let endpoint = endpoint.trim_end_matches('/');
    let mut query = Serializer::new(String::new());
    format!("{endpoint}{path}?{}", query.append_pair(name, value).finish())
}

/// Creates a signed login link.
///
/// # Errors
/// If there is no randomness.
pub fn login_link<C: Context>(
    context: &C,
    key: &SigningKey,
    site: Option<Domain>,
) -> Result<String, RandomError> {
    Ok(LoginLink::new(context.now(), context.random()?, site).signed(key))
}

fn new_key<C: Context>(context: &C) -> Result<SigningKey, RandomError> {
    let mut bytes = [0; 32];
    bytes[..16].copy_from_slice(&context.random()?);
    bytes[16..].copy_from_slice(&context.random()?);
    Ok(SigningKey::new(bytes))
}

fn key_item(key: &SigningKey) -> Item {
    Item { key: keys::signing_key(), value: key.to_bytes(), expires: None }
}
