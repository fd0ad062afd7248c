CREATE TABLE plain (id INT, k STRING, v INT, ts TIMESTAMP(3)) WITH ('connector'='kafka', 'topic'='plain', 'format'='json');
CREATE TABLE p (d STRING, a BIGINT NOT NULL, b VARCHAR(3), c DECIMAL(10, 2)) PARTITIONED BY (d) WITH ('connector'='filesystem', 'path'='/x', 'format'='json');
SET 'table.exec.sink.not-null-enforcer' = 'drop';
INSERT INTO p PARTITION (d = '2024') (b, a) SELECT k, v FROM plain;
