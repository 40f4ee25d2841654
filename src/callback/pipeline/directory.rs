//! Replying to the Kit's calls.

use std::sync::Arc;

use crate::callback::CallbackError;
use crate::callback::command::{DirectoryCommand, Reply};
use crate::callback::environment::caught;
use crate::callback::handler::directory::{Application, Change, ClientSecret, ErasedDirectory};
use crate::callback::pipeline::exchange::ReplyContext;
use crate::callback::settings::DebugCalls;
use crate::cipher::client_secret::ClientSecretDecryptor;

/// A directory, and the key to the client secrets sent to it.
pub(in crate::callback) struct Directory {
    pub(in crate::callback) handler: Arc<dyn ErasedDirectory>,
    pub(in crate::callback) decryptor: Arc<dyn ClientSecretDecryptor>,
}

impl Directory {
    pub(in crate::callback) async fn reply(
        &self,
        command: DirectoryCommand,
        exchange: &ReplyContext<'_>,
    ) -> Result<Reply, CallbackError> {
        let change = match command {
            DirectoryCommand::Change(change) => change,
            DirectoryCommand::PutApplication(sealed) => {
                let plain = self.decryptor.decrypt(sealed.client_secret.expose());
                let plain = plain.map_err(|_| CallbackError::Undecryptable("clientSecret"))?;
                Change::PutApplication(Application {
                    meta: sealed.meta,
                    app_id: sealed.app_id,
                    client_id: sealed.client_id,
                    client_secret: ClientSecret::new(plain, sealed.client_secret),
                })
            }
        };
        // The test account logs in with the data that come without an instance.
        let is_invented = exchange.test_call() && change.meta().instance_id.is_some();
        if !(is_invented && exchange.settings.debug_calls == DebugCalls::Answer) {
            caught(self.handler.handle(change)).await?;
        }
        Ok(Reply::Done)
    }
}
