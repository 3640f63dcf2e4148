-- The bench's tables and rows: SQLite. Deterministic: every value is arithmetic on the row's number, and the
-- other database's file says the same, so that a checksum is the same number on both. A line of `--;` ends a
-- statement.
DROP TABLE IF EXISTS post_tags
--;
DROP TABLE IF EXISTS tags
--;
DROP TABLE IF EXISTS profiles
--;
DROP TABLE IF EXISTS posts
--;
DROP TABLE IF EXISTS users
--;
CREATE TABLE users (
  id INTEGER PRIMARY KEY,
  first_name TEXT NOT NULL,
  last_name TEXT NOT NULL,
  email TEXT NOT NULL UNIQUE,
  age INTEGER NOT NULL,
  score REAL NOT NULL,
  is_active BOOLEAN NOT NULL,
  bio TEXT,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL)
--;
CREATE TABLE posts (
  id INTEGER PRIMARY KEY,
  user_id INTEGER NOT NULL REFERENCES users (id),
  title TEXT NOT NULL,
  content TEXT NOT NULL,
  status TEXT NOT NULL,
  published_at TEXT NOT NULL)
--;
CREATE TABLE profiles (
  id INTEGER PRIMARY KEY,
  user_id INTEGER NOT NULL UNIQUE REFERENCES users (id),
  bio TEXT NOT NULL,
  website TEXT NOT NULL)
--;
CREATE TABLE tags (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  slug TEXT NOT NULL)
--;
CREATE TABLE post_tags (
  post_id INTEGER NOT NULL,
  tag_id INTEGER NOT NULL,
  relevance INTEGER NOT NULL,
  PRIMARY KEY (post_id, tag_id))
--;
WITH RECURSIVE
  n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000),
  firsts(k, name) AS (VALUES (0, 'Ada'), (1, 'Alan'), (2, 'Barbara'), (3, 'Brian'), (4, 'Claude'),
    (5, 'Dennis'), (6, 'Donald'), (7, 'Edsger'), (8, 'Frances'), (9, 'Grace'), (10, 'Guido'),
    (11, 'Hedy'), (12, 'John'), (13, 'Katherine'), (14, 'Ken'), (15, 'Leslie'), (16, 'Margaret'),
    (17, 'Niklaus'), (18, 'Radia'), (19, 'Tony')),
  lasts(k, name) AS (VALUES (0, 'Allen'), (1, 'Backus'), (2, 'Berners'), (3, 'Cerf'), (4, 'Church'),
    (5, 'Codd'), (6, 'Dijkstra'), (7, 'Engelbart'), (8, 'Floyd'), (9, 'Hamilton'), (10, 'Hoare'),
    (11, 'Hopper'), (12, 'Johnson'), (13, 'Kay'), (14, 'Kernighan'), (15, 'Knuth'), (16, 'Lamport'),
    (17, 'Lamarr'), (18, 'Liskov'), (19, 'Lovelace'), (20, 'Perlman'), (21, 'Ritchie'), (22, 'Thompson'),
    (23, 'Turing'), (24, 'Wirth'))
INSERT INTO users (id, first_name, last_name, email, age, score, is_active, bio, created_at, updated_at)
SELECT
  i,
  (SELECT name FROM firsts WHERE k = i * 7 % 20),
  (SELECT name FROM lasts WHERE k = i * 11 % 25),
  'user' || i || '@example.com',
  18 + (i * 37 + i / 62) % 62,
  (i * 13 % 8000) / 8.0,
  i % 3 <> 0,
  CASE WHEN i % 4 <> 0 THEN substr(
    'the quick brown fox jumps over the lazy dog while seven wizards quietly mix a jug of vivid ' ||
    'green potion under the old stone bridge where nobody ever looks after dark and the river keeps ' ||
    'its own slow counsel about every letter that was thrown into it by travellers who had changed ' ||
    'their minds on the way to the market town ',
    1 + i % 40, 60 + i % 50) END,
  strftime('%Y-%m-%d %H:%M:%S', 1704067200 + i * 61789 / 1000, 'unixepoch') ||
    printf('.%03d000', i * 61789 % 1000),
  strftime('%Y-%m-%d %H:%M:%S', 1704067200 + i * 61789 / 1000, 'unixepoch') ||
    printf('.%03d000', i * 61789 % 1000)
FROM n
--;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
INSERT INTO posts (id, user_id, title, content, status, published_at)
SELECT
  i,
  1 + (i - 1) / 10,
  'Post number ' || i,
  substr(
    'the quick brown fox jumps over the lazy dog while seven wizards quietly mix a jug of vivid ' ||
    'green potion under the old stone bridge where nobody ever looks after dark and the river keeps ' ||
    'its own slow counsel about every letter that was thrown into it by travellers who had changed ' ||
    'their minds on the way to the market town ',
    1 + i % 90, 190 + i % 20),
  CASE i % 3 WHEN 0 THEN 'draft' WHEN 1 THEN 'published' ELSE 'archived' END,
  strftime('%Y-%m-%d %H:%M:%S', 1717200000 + i * 7177 / 1000, 'unixepoch') ||
    printf('.%03d000', i * 7177 % 1000)
FROM n
--;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
INSERT INTO profiles (id, user_id, bio, website)
SELECT i, i, 'Keeps bees, number ' || i || ', and writes about them.', 'https://example.com/~' || i FROM n
--;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
INSERT INTO tags (id, name, slug) SELECT i, 'Subject ' || i, 'subject-' || i FROM n
--;
WITH RECURSIVE
  n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000),
  three(k) AS (VALUES (0), (1), (2))
INSERT INTO post_tags (post_id, tag_id, relevance)
SELECT i, 1 + (i * 7 + k * 331) % 1000, (i * 13 + k * 5) % 100 FROM n, three
--;
CREATE INDEX posts_user_id ON posts (user_id)
--;
ANALYZE
