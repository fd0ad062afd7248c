# SPDX-License-Identifier: Apache-2.0
"""tools/thread_safety finds what it is for: a field read without its lock, a function called without it, a lock taken twice, a lock of the standard library. And lets right code pass."""
import pathlib
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]

HEADER = """// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "base/mutex.h"
class Counter {
 public:
  void Add();
  int count();
  void Wait();
 private:
  void AddLocked() FIRN_REQUIRES(mutex_) { ++count_; }
  firn::base::Mutex mutex_;
  firn::base::ConditionVariable changed_;
  int count_ FIRN_GUARDED_BY(mutex_) = 0;
};
"""
RIGHT = """#include "counter.h"
void Counter::Add() { firn::base::MutexLock lock(mutex_); AddLocked(); changed_.NotifyAll(); }
int Counter::count() { firn::base::MutexLock lock(mutex_); const int count = count_; lock.Unlock(); return count; }
void Counter::Wait() { firn::base::MutexLock lock(mutex_); changed_.Wait(lock, [this]() FIRN_REQUIRES(mutex_) { return count_ > 0; }); }
"""


def check(source, header=HEADER):
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        (root / "src").mkdir()
        (root / "src/counter.h").write_text(header)
        (root / "src/counter.cc").write_text(source)
        done = subprocess.run([ROOT / "tools/thread_safety", "--root", root], capture_output=True, text=True)
        return done.returncode, done.stdout


class ThreadSafety(unittest.TestCase):
    def test_right_code_passes(self):
        self.assertEqual(check(RIGHT), (0, "thread_safety: 1 files, 0 problems\n"))

    def refuses(self, right, wrong, words):
        self.assertIn(right, RIGHT)
        code, out = check(RIGHT.replace(right, wrong))
        self.assertEqual(code, 1, out)
        self.assertIn(words, out)

    def test_a_field_without_its_lock(self):
        self.refuses("int Counter::count() { firn::base::MutexLock lock(mutex_);", "int Counter::count() { firn::base::Mutex other; firn::base::MutexLock lock(other);",
                     "reading variable 'count_' requires holding mutex 'mutex_'")

    def test_a_field_after_the_lock_was_let_go(self):
        self.refuses("lock.Unlock(); return count;", "lock.Unlock(); return count_;", "reading variable 'count_' requires holding mutex 'mutex_'")

    def test_a_function_without_its_lock(self):
        self.refuses("{ firn::base::MutexLock lock(mutex_); AddLocked();", "{ AddLocked();", "calling function 'AddLocked' requires holding mutex 'mutex_'")

    def test_a_lock_taken_twice(self):
        self.refuses("AddLocked();", "AddLocked(); firn::base::MutexLock again(mutex_);", "acquiring mutex 'mutex_' that is already held")

    def test_a_lock_that_nothing_checks(self):
        self.refuses("AddLocked();", "AddLocked(); static std::mutex other; std::lock_guard hidden(other);", "src/counter.cc:2: std::mutex: take base/mutex.h")

    def test_a_header_that_no_file_includes(self):
        code, out = check("", HEADER.replace("int count();", "int count() { return count_; }"))
        self.assertEqual(code, 1, out)
        self.assertIn("reading variable 'count_'", out)

    def test_what_is_remembered_as_right_is_looked_at_again_when_a_header_changes(self):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            (root / "src").mkdir()
            (root / "src/counter.cc").write_text(RIGHT)
            (root / "src/counter.h").write_text(HEADER.replace(" FIRN_GUARDED_BY(mutex_)", ""))
            command = [ROOT / "tools/thread_safety", "--root", root, "--passed", root / "passed.json"]
            self.assertEqual([subprocess.run(command, capture_output=True).returncode for _ in range(2)], [0, 0])
            (root / "src/counter.h").write_text(HEADER)
            self.assertEqual(subprocess.run(command, capture_output=True).returncode, 0)
            (root / "src/counter.h").write_text(HEADER.replace(" FIRN_REQUIRES(mutex_)", ""))
            self.assertEqual(subprocess.run(command, capture_output=True).returncode, 1)

    def test_nothing_to_check_is_a_fault(self):
        self.assertEqual(check("", "")[0], 1)


if __name__ == "__main__":
    unittest.main()
