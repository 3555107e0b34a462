-- +goose Up
create table unit (
    id     text primary key check (id <> ''),
    parent text references unit (id),
    name   text not null check (name <> ''),
    code   text not null default ''
);
comment on table  unit is 'The agency and its parts (機關與內部單位).';
comment on column unit.id is 'Opaque identifier.';
comment on column unit.parent is 'The unit above; null for the agency itself.';
comment on column unit.name is '單位名, or 全銜 for the agency itself.';
comment on column unit.code is '機關代碼 or 單位代碼, empty when none.';

create table person (
    id         text primary key check (id <> ''),
    name       text not null check (name <> ''),
    title      text not null default '',
    unit       text not null references unit (id),
    roles      text[] not null default '{}'
               check (roles <@ array['handler', 'official', 'registry', 'auditor', 'admin']),
    created_at timestamptz not null,
    left_at    timestamptz
);
comment on table  person is 'Everybody who acts on documents. Accounts are in account.';
comment on column person.id is 'Opaque identifier.';
comment on column person.name is '姓名.';
comment on column person.title is '職稱.';
comment on column person.unit is 'The unit the person belongs to.';
comment on column person.roles is 'What the person is to the system: 承辦人, 長官, 登記桌, 研考, 管理者.';
comment on column person.created_at is 'When the person was entered.';
comment on column person.left_at is 'When the person left the agency; null while there.';

create table blob (
    sha256 bytea primary key check (length(sha256) = 32),
    bytes  bytea not null
);
alter table blob alter column bytes set storage external;
comment on table  blob is 'Bytes of files, once per content, never changed.';
comment on column blob.sha256 is 'SHA-256 of bytes.';
comment on column blob.bytes is 'The original, byte for byte.';

create table document (
    id            text primary key check (id <> ''),
    number        text not null check (number <> '' and length(number) <= 64),
    type          text not null check (type in ('函', '簽', '令', '公告', '開會通知單', '會勘通知單', '簽稿會核單')),
    category      text not null default '',
    reference     text not null default '',
    issuer        text not null default '',
    subject       text not null,
    speed         text not null check (speed in ('普通件', '速件', '最速件')),
    grade         text not null default '',
    state         text not null check (state in ('circulating', 'decided')),
    version       integer not null check (version >= 1),
    revision      bigint not null default 1,
    handler       text not null references person (id),
    received_at   timestamptz not null,
    due           timestamptz,
    due_rule      text not null default '',
    due_calendar  text not null default '',
    due_uncertain boolean not null default false,
    decided_at    timestamptz,
    source_sha256 bytea not null unique check (length(source_sha256) = 32),
    created_at    timestamptz not null,
    updated_at    timestamptz not null,
    check ((state = 'decided') = (decided_at is not null)),
    unique (issuer, number)
);
comment on table  document is 'An official document (公文) on its way: what routes and lists it.';
comment on column document.id is 'Opaque identifier, also in links.';
comment on column document.number is '文號; one issuer uses a number once.';
comment on column document.type is '公文類別, the root element of the DI.';
comment on column document.category is '函類別 or 令類別.';
comment on column document.reference is '發文字號 as cited.';
comment on column document.issuer is '發文機關 as shown on a card.';
comment on column document.subject is '主旨.';
comment on column document.speed is '速別.';
comment on column document.grade is '密等; anything but empty keeps the content off screens and messages.';
comment on column document.state is 'circulating (陳核中) or decided (已決行).';
comment on column document.version is 'Version of the content in force (文稿版本), from 1.';
comment on column document.revision is 'Bumped by every stored change of the document or its route.';
comment on column document.handler is '承辦人.';
comment on column document.received_at is '收文 or 創簽 time, from which the deadline is counted.';
comment on column document.due is 'End of the deadline, exclusive; null when there is none.';
comment on column document.due_rule is 'Rule by which due was computed.';
comment on column document.due_calendar is 'Version of the office calendar it was computed on.';
comment on column document.due_uncertain is 'Counted with weekends only, for want of an official calendar.';
comment on column document.decided_at is 'When it was decided (決行).';
comment on column document.source_sha256 is 'Digest of the DI as it came: the same file is not imported twice.';
comment on column document.created_at is 'When it was imported.';
comment on column document.updated_at is 'When document or route last changed.';

create table document_version (
    document   text not null references document (id),
    version    integer not null check (version >= 1),
    body       jsonb not null,
    created_at timestamptz not null,
    primary key (document, version)
);
comment on table  document_version is 'The content of a document, one row a version, never changed.';
comment on column document_version.document is 'The document.';
comment on column document_version.version is 'Version, from 1.';
comment on column document_version.body is 'approval.Body as JSON.';
comment on column document_version.created_at is 'When this version was made.';

create table file (
    id         text primary key check (id <> ''),
    document   text not null,
    version    integer not null,
    position   integer not null,
    role       text not null check (role in ('source', 'roster', 'attachment')),
    name       text not null check (name <> ''),
    media_type text not null,
    size       bigint not null check (size >= 0),
    sha256     bytea not null references blob (sha256),
    foreign key (document, version) references document_version (document, version),
    unique (document, version, role, position)
);
comment on table  file is 'Files of one version of a document.';
comment on column file.id is 'Opaque identifier, also in links.';
comment on column file.document is 'The document.';
comment on column file.version is 'The version it belongs to.';
comment on column file.position is 'Order among the files of one role, from 0.';
comment on column file.role is 'source (the DI), roster (the SW) or attachment (附件).';
comment on column file.name is 'File name without any path.';
comment on column file.media_type is 'Found by looking at the bytes.';
comment on column file.size is 'Bytes.';
comment on column file.sha256 is 'Digest, where the bytes are found.';

create table step (
    id         text primary key check (id <> ''),
    document   text not null references document (id),
    position   integer not null,
    after      text[] not null default '{}',
    duty       text not null check (duty in ('handle', 'review', 'consult', 'decide')),
    person     text not null references person (id),
    principal  text references person (id),
    state      text not null check (state in ('waiting', 'active', 'closed')),
    origin     text not null check (origin in ('planned', 'returned', 'added')),
    cause      text references step (id),
    redoes     text references step (id),
    arrived_at timestamptz,
    closed_at  timestamptz,
    action     text not null default '' check (action in ('', 'submit', 'approve', 'return', 'decide')),
    opinion    text not null default '',
    acted_by   text references person (id),
    acted_name text not null default '',
    unique (document, position),
    check ((state = 'waiting') = (arrived_at is null)),
    check ((state = 'closed') = (closed_at is not null and acted_by is not null and action <> ''))
);
create index step_in_tray on step (person) where state = 'active';
create index step_done on step (acted_by, closed_at desc) where state = 'closed';
comment on table  step is 'Stations of routes: a graph, see approval.Route.';
comment on column step.id is 'Opaque identifier.';
comment on column step.document is 'The document whose route it is.';
comment on column step.position is 'Order in which the steps were added, from 0.';
comment on column step.after is 'Steps that must be closed before this one becomes active.';
comment on column step.duty is 'handle 承辦, review 核稿, consult 會辦, decide 決行.';
comment on column step.person is 'In whose hands it is: the assignee or the deputy.';
comment on column step.principal is 'Whose duty it is when person is a deputy (代理人).';
comment on column step.state is 'waiting, active or closed; a closed step is never changed.';
comment on column step.origin is 'planned, returned (退回) or added (加會).';
comment on column step.cause is 'The step that caused a returned or added one.';
comment on column step.redoes is 'The step that this one repeats after a return.';
comment on column step.arrived_at is 'When it became active.';
comment on column step.closed_at is 'When it was closed.';
comment on column step.action is 'How it was closed: 陳核, 核可, 退回, 決行.';
comment on column step.opinion is '簽核意見.';
comment on column step.acted_by is 'Who closed it.';
comment on column step.acted_name is 'Title and name of that person at that time.';

create table decision (
    id           bigint generated always as identity primary key,
    document     text not null references document (id),
    step         text not null references step (id),
    action       text not null,
    person       text not null references person (id),
    on_behalf_of text references person (id),
    name         text not null,
    title        text not null,
    unit         text not null,
    session      text not null default '',
    address      text not null default '',
    at           timestamptz not null,
    version      integer not null,
    opinion      text not null default ''
);
create index decision_document on decision (document);
comment on table  decision is 'The record of what was done, append-only.';
comment on column decision.id is 'Order of entry.';
comment on column decision.document is 'The document.';
comment on column decision.step is 'The step that was closed.';
comment on column decision.action is '陳核, 核可, 退回, 決行.';
comment on column decision.person is 'Who acted.';
comment on column decision.on_behalf_of is 'For whom, when a deputy acted.';
comment on column decision.name is 'Name at that time.';
comment on column decision.title is 'Title at that time.';
comment on column decision.unit is 'Unit at that time.';
comment on column decision.session is 'Identifier of the session.';
comment on column decision.address is 'Client address as seen through trusted proxies.';
comment on column decision.at is 'When.';
comment on column decision.version is 'Version of the content that was read.';
comment on column decision.opinion is '簽核意見.';

-- +goose StatementBegin
create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception '% is append-only', tg_table_name using errcode = 'restrict_violation';
end
$$;
-- +goose StatementEnd
comment on function refuse_change() is 'Trigger body of append-only tables.';
create trigger decision_append_only before update or delete on decision for each row execute function refuse_change();
create trigger document_version_append_only before update or delete on document_version for each row execute function refuse_change();
create trigger blob_append_only before update on blob for each row execute function refuse_change();

create table form_token (
    hash    bytea primary key check (length(hash) = 32),
    used_at timestamptz not null
);
create index form_token_used on form_token (used_at);
comment on table  form_token is 'One-time tokens of forms that were used; swept when the forms have expired.';
comment on column form_token.hash is 'SHA-256 of the token.';
comment on column form_token.used_at is 'When.';

create table phrase (
    id       bigint generated always as identity primary key,
    person   text references person (id),
    position integer not null,
    text     text not null check (text <> '' and length(text) <= 200)
);
create index phrase_person on phrase (person, position);
comment on table  phrase is '常用語: opinions to pick.';
comment on column phrase.id is 'Identifier.';
comment on column phrase.person is 'Whose; null for everybody.';
comment on column phrase.position is 'Order of showing.';
comment on column phrase.text is 'The opinion.';

create table page_image (
    sha256 bytea not null references blob (sha256),
    page   integer not null check (page >= 0),
    width  integer not null check (width > 0),
    bytes  bytea not null,
    primary key (sha256, page, width)
);
alter table page_image alter column bytes set storage external;
comment on table  page_image is 'PDF pages rendered as images: a cache, may be emptied at any time.';
comment on column page_image.sha256 is 'The PDF.';
comment on column page_image.page is 'Page, from 0.';
comment on column page_image.width is 'Width in pixels.';
comment on column page_image.bytes is 'JPEG.';

create table calendar_override (
    day        date primary key,
    off        boolean not null,
    note       text not null default '',
    created_at timestamptz not null
);
comment on table  calendar_override is 'Days on which this agency departs from the official calendar (停班, 補班).';
comment on column calendar_override.day is 'The day, Asia/Taipei.';
comment on column calendar_override.off is 'true: not worked; false: worked.';
comment on column calendar_override.note is 'Why.';
comment on column calendar_override.created_at is 'When it was entered.';

-- What everybody can pick from the first day; an agency changes it as it likes.
insert into phrase (person, position, text) values
    (null, 0, '如擬。'),
    (null, 1, '閱。'),
    (null, 2, '可。'),
    (null, 3, '請依規定辦理。'),
    (null, 4, '請速辦。'),
    (null, 5, '請會相關單位表示意見。');
