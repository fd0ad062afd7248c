CREATE TABLE t (id INT) WITH ('connector'='kafak'); SELECT * FROM t;
