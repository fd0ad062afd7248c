CREATE TABLE t (id INT, PRIMARY KEY (ix) NOT ENFORCED) WITH ('connector'='kafka');
