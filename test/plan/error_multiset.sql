CREATE TABLE t (words MULTISET<STRING>) WITH ('connector'='datagen');
