CREATE TABLE t (id INT, k STRING, w AS id + k) WITH ('connector'='kafka');
