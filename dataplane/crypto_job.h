// What ipsec-mb's jobs of multi-buffer algorithms have in common. [W]
#ifndef VIGIL_DATAPLANE_CRYPTO_JOB_H
#define VIGIL_DATAPLANE_CRYPTO_JOB_H

#include <string.h>

#include "crypto.h"

// A job's place keeps what was written there: when it served the same use of the same SA before
// (whose direction never changes), only what differs from packet to packet is new.
static inline bool crypto_job_knows(const IMB_JOB *job, const struct sa *sa)
{
	return job->user_data == sa && (uintptr_t)job->user_data2 == sa->generation &&
	       sa->generation;
}

static inline void crypto_job_remember(IMB_JOB *job, const struct sa *sa)
{
	job->user_data = (void *)(uintptr_t)sa;
	job->user_data2 = (void *)(uintptr_t)sa->generation;
}

// RFC 4303 2.2.1: the upper half of the sequence number is authenticated as if it were sent behind
// the next header. It lies where the ICV does until the hash is done; returns what lay there.
static inline uint32_t crypto_job_esn(IMB_JOB *job, const struct crypto_item *item)
{
	uint8_t *icv = item->esp + job->msg_len_to_hash_in_bytes;
	uint32_t seq_hi = __builtin_bswap32(item->seq_hi), before;

	memcpy(&before, icv, sizeof(before));
	memcpy(icv, &seq_hi, sizeof(seq_hi));
	job->msg_len_to_hash_in_bytes += sizeof(seq_hi);
	return before;
}

static inline void crypto_icv_restore(const struct crypto_item *item, uint32_t before)
{
	memcpy(item->esp + SA_ESP_HEADER + item->sa->iv_len + item->text_len, &before,
	       sizeof(before));
}

#endif
