-- +goose Up
alter table device add column trusted_at timestamptz;
alter table device add column reading_until timestamptz;
alter table device add column class text not null default 'desktop' check (class in ('mobile', 'desktop'));
alter table device add column phone text not null default '';
comment on column device.trusted_at is 'When its owner confirmed it; null while it waits for that.';
comment on column device.reading_until is 'Until when its sessions may only read: it was confirmed by a text alone. Null for never.';
comment on column device.class is 'mobile: a phone or tablet. desktop: anything else.';
comment on column device.phone is 'Browser contexts of one phone share this: the id of the first of them; empty for a desktop.';
-- Whoever is in stays in.
update device set trusted_at = created_at;
update device set class = 'mobile', phone = id where platform in ('ios', 'android');

alter table session add column standing text not null default 'full' check (standing in ('waiting', 'reading', 'full'));
alter table session add column reading_until timestamptz;
alter table session add column proven_at timestamptz;
alter table session add column methods text[] not null default '{}';
update session set proven_at = created_at, methods = '{password}';
alter table session alter column proven_at set not null;
comment on column session.standing is 'waiting: sees nothing but the waiting page. reading: may look, not decide. full: everything its person may do.';
comment on column session.reading_until is 'When a reading session becomes full; null for never.';
comment on column session.proven_at is 'When its person last proved who they are.';
comment on column session.methods is 'By what they have proved it: password, ldap, oidc, totp, passkey, twfido, sms.';

alter table account add column device_since timestamptz;
comment on column account.device_since is 'When its first device was trusted; null before.';
update account a set device_since = (select min(d.trusted_at) from device d where d.account = a.id);
