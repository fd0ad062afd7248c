CREATE TABLE plain (id INT, k STRING, v INT, ts TIMESTAMP(3)) WITH ('connector'='kafka', 'topic'='plain', 'format'='json');
CREATE VIEW v AS SELECT k FROM plain; ALTER TABLE plain DROP k; SELECT * FROM v;
