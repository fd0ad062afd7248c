// SPDX-License-Identifier: Apache-2.0
// What a lock guards, said so that clang can check it (-Wthread-safety; tools/thread_safety, in every test run). Other compilers see nothing of it.
// https://clang.llvm.org/docs/ThreadSafetyAnalysis.html
//
//   base::Mutex mutex_;
//   std::deque<Task> tasks_ FIRN_GUARDED_BY(mutex_);      // read and written under the lock only
//   bool IsFullLocked() const FIRN_REQUIRES(mutex_);      // to be called under the lock
//   void Close() FIRN_EXCLUDES(mutex_);                   // takes the lock itself, or calls who does
#pragma once

#if defined(__clang__)
#define FIRN_THREAD_ANNOTATION(x) __attribute__((x))
#else
#define FIRN_THREAD_ANNOTATION(x)
#endif

#define FIRN_CAPABILITY(x) FIRN_THREAD_ANNOTATION(capability(x))
#define FIRN_SCOPED_CAPABILITY FIRN_THREAD_ANNOTATION(scoped_lockable)
#define FIRN_GUARDED_BY(x) FIRN_THREAD_ANNOTATION(guarded_by(x))
/// What a pointer points to is guarded, the pointer is not.
#define FIRN_PT_GUARDED_BY(x) FIRN_THREAD_ANNOTATION(pt_guarded_by(x))
#define FIRN_ACQUIRED_AFTER(...) FIRN_THREAD_ANNOTATION(acquired_after(__VA_ARGS__))
#define FIRN_REQUIRES(...) FIRN_THREAD_ANNOTATION(requires_capability(__VA_ARGS__))
#define FIRN_REQUIRES_SHARED(...) FIRN_THREAD_ANNOTATION(requires_shared_capability(__VA_ARGS__))
#define FIRN_EXCLUDES(...) FIRN_THREAD_ANNOTATION(locks_excluded(__VA_ARGS__))
#define FIRN_ACQUIRE(...) FIRN_THREAD_ANNOTATION(acquire_capability(__VA_ARGS__))
#define FIRN_ACQUIRE_SHARED(...) FIRN_THREAD_ANNOTATION(acquire_shared_capability(__VA_ARGS__))
#define FIRN_RELEASE(...) FIRN_THREAD_ANNOTATION(release_capability(__VA_ARGS__))
#define FIRN_RELEASE_SHARED(...) FIRN_THREAD_ANNOTATION(release_shared_capability(__VA_ARGS__))
/// Where the analysis cannot follow; a comment says why it is right all the same.
#define FIRN_NO_THREAD_SAFETY_ANALYSIS FIRN_THREAD_ANNOTATION(no_thread_safety_analysis)
