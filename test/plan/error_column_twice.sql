CREATE TABLE t (id INT, id INT) WITH ('connector'='kafka');
