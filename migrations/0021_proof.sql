-- +goose Up
create table spent_proof (
    hash       bytea primary key check (length(hash) = 32),
    expires_at timestamptz not null
);
create index spent_proof_over on spent_proof (expires_at);
comment on table  spent_proof is 'ID tokens and nonces that have linked somebody: they are good once.';
comment on column spent_proof.hash is 'SHA-256 of the signed part of the token, or of the nonce.';
comment on column spent_proof.expires_at is 'When it would be good for nothing anyway.';
