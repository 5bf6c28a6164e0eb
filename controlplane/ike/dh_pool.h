// Helper threads for Diffie-Hellman: jobs and results go by value, so that no helper ever touches a
// peer or an SA. The control core never waits here: every call returns at once.
#ifndef VIGIL_DH_POOL_H
#define VIGIL_DH_POOL_H

#include "dh.h"
#include "types.h"

enum dh_kind {
	DH_GENERATE, // group -> key
	DH_SHARED,   // key, peer -> secret
	DH_BOTH,     // group, peer -> key, secret: a responder's work in one job
};

struct dh_job {
	enum dh_kind kind;
	struct handle owner; // opaque: given back with the result
	uint32_t cookie;     // opaque
	uint16_t peer_len;
	struct dh_key key; // DH_SHARED: all of it; else only key.group
	uint8_t peer[DH_PUBLIC_MAX];
};

struct dh_result {
	enum dh_kind kind;
	struct handle owner;
	uint32_t cookie;
	int error;           // 0 or -errno of dh_generate(), dh_shared()
	struct dh_key key;   // DH_GENERATE, DH_BOTH
	uint16_t secret_len; // DH_SHARED, DH_BOTH
	uint8_t secret[DH_SECRET_MAX];
};

struct dh_pool;

// `depth` jobs a thread may wait or lie finished; a power of two, at most 4096 (about 2.3 KB each).
// NULL with errno.
struct dh_pool *dh_pool_create(unsigned threads, unsigned depth);
// Ends after the jobs that are being computed; wipes everything. Results not polled are lost.
void dh_pool_destroy(struct dh_pool *pool);
// Copies the job. 0, or -EAGAIN: full, try again after dh_pool_poll().
int dh_pool_submit(struct dh_pool *pool, const struct dh_job *job);
// At most `max` results; wipe them after use. Costs two loads a thread when there are none.
unsigned dh_pool_poll(struct dh_pool *pool, struct dh_result *results, unsigned max);
// Jobs that were submitted and not polled yet.
unsigned dh_pool_pending(const struct dh_pool *pool);
// An eventfd that becomes readable when a result is there, for a loop that sleeps in poll(). The
// reader drains it; dh_pool_poll() does not touch it.
int dh_pool_fd(const struct dh_pool *pool);

#endif
