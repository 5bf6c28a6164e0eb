// AES-CBC with an HMAC in two bursts, ciphers and hashes, each of which ipsec-mb does at once. [W]
// A job that does both is passed on inside from one scheduler to the other, which costs 10 to 16
// cycles a packet. A burst is for one key length and one hash: others are sorted apart.
#include "crypto_cbc.h"

#include <rte_branch_prediction.h>
#include <stdlib.h>

#include "crypto_aead.h"
#include "crypto_job.h"

struct crypto_cbc {
	IMB_JOB jobs[2][CRYPTO_BURST];                             // by direction, 1 = encrypt
	alignas(16) uint8_t icvs[CRYPTO_BURST][SA_HMAC_STATE_MAX]; // computed
	uint32_t heads[CRYPTO_BURST]; // received, while sequence numbers lie there
};

struct crypto_cbc *crypto_cbc_create(void)
{
	struct crypto_cbc *c =
		aligned_alloc(SA_LINE, (sizeof(*c) + SA_LINE - 1) & ~(SA_LINE - 1ul));

	if (c)
		memset(c, 0, sizeof(*c));
	return c;
}

void crypto_cbc_destroy(struct crypto_cbc *c)
{
	free(c);
}

static void job_sa(IMB_JOB *job, const struct sa *sa, bool encrypt)
{
	const struct sa_keys *keys = sa->keys;

	crypto_job_remember(job, sa);
	job->cipher_mode = IMB_CIPHER_CBC;
	job->cipher_direction = encrypt ? IMB_DIR_ENCRYPT : IMB_DIR_DECRYPT;
	job->cipher_start_src_offset_in_bytes = SA_ESP_HEADER + sa->iv_len;
	job->key_len_in_bytes = sa->key_len;
	job->iv_len_in_bytes = sa->iv_len;
	job->enc_keys = keys->aes.encrypt;
	job->dec_keys = keys->aes.decrypt;
	job->hash_alg = sa->hash_alg;
	job->hash_start_src_offset_in_bytes = 0;
	job->auth_tag_output_len_in_bytes = sa->icv_len;
	job->u.HMAC._hashed_auth_key_xor_ipad = keys->ipad;
	job->u.HMAC._hashed_auth_key_xor_opad = keys->opad;
}

static inline void job_fill(IMB_JOB *job, const struct crypto_item *item, uint8_t *icv,
                            bool encrypt)
{
	const struct sa *sa = item->sa;
	uint32_t front = (uint32_t)SA_ESP_HEADER + sa->iv_len;
	uint8_t *text = item->esp + front;

	if (unlikely(!crypto_job_knows(job, sa)))
		job_sa(job, sa, encrypt);
	job->src = item->esp;
	job->dst = text;
	job->iv = item->esp + SA_ESP_HEADER;
	job->msg_len_to_cipher_in_bytes = item->text_len;
	job->msg_len_to_hash_in_bytes = front + item->text_len;
	job->auth_tag_output = encrypt ? text + item->text_len : icv;
}

static inline bool ciphers(IMB_MGR *mgr, IMB_JOB *jobs, const struct sa *sa, unsigned n,
                           bool encrypt)
{
	const IMB_CIPHER_DIRECTION direction = encrypt ? IMB_DIR_ENCRYPT : IMB_DIR_DECRYPT;

	return IMB_SUBMIT_CIPHER_BURST_NOCHECK(mgr, jobs, n, IMB_CIPHER_CBC, direction,
	                                       (IMB_KEY_SIZE_BYTES)sa->key_len) == n;
}

static inline bool hashes(IMB_MGR *mgr, IMB_JOB *jobs, const struct sa *sa, unsigned n)
{
	return IMB_SUBMIT_HASH_BURST_NOCHECK(mgr, jobs, n, (IMB_HASH_ALG)sa->hash_alg) == n;
}

static void fail(struct crypto_item *items, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		items[i].ok = false;
}

static bool compare(const struct crypto_cbc *c, bool esn, struct crypto_item *items, unsigned n)
{
	bool all = true;

	for (unsigned i = 0; i < n; i++) {
		if (esn)
			crypto_icv_restore(&items[i], c->heads[i]);
		items[i].ok = crypto_icv_holds(&items[i], c->icvs[i]);
		all &= items[i].ok;
	}
	return all;
}

// Items of one key length and hash.
static bool run_class(struct crypto_cbc *c, IMB_MGR *mgr, bool esn, struct crypto_item *items,
                      unsigned n, bool encrypt)
{
	IMB_JOB *jobs = c->jobs[encrypt];
	const struct sa *sa = items[0].sa;
	bool all = true;

	for (unsigned i = 0; i < n; i++) {
		job_fill(&jobs[i], &items[i], c->icvs[i], encrypt);
		items[i].ok = true;
	}
	if (encrypt)
		all = ciphers(mgr, jobs, sa, n, true);
	for (unsigned i = 0; esn && i < n; i++)
		c->heads[i] = crypto_job_esn(&jobs[i], &items[i]);
	all &= hashes(mgr, jobs, sa, n);
	if (unlikely(!all)) {
		fail(items, n);
		return false;
	}
	if (encrypt)
		return true;
	all = compare(c, esn, items, n);
	// What does not hold becomes garbage, which nobody looks at.
	if (likely(ciphers(mgr, jobs, sa, n, false)))
		return all;
	fail(items, n);
	return false;
}

static inline bool same_class(const struct sa *a, const struct sa *b)
{
	return a->key_len == b->key_len && a->hash_alg == b->hash_alg;
}

// Several classes: what is of the first one's goes in front of `some`, until nothing is left.
static bool run_mixed(struct crypto_cbc *c, IMB_MGR *mgr, bool esn, struct crypto_item *items,
                      unsigned n, bool encrypt)
{
	struct crypto_item some[CRYPTO_BURST];
	bool done[CRYPTO_BURST] = {false}, all = true;
	uint8_t from[CRYPTO_BURST];

	for (unsigned first = 0; first < n; first++) {
		unsigned k = 0;

		for (unsigned i = first; i < n; i++) {
			if (done[i] || !same_class(items[i].sa, items[first].sa))
				continue;
			some[k] = items[i];
			from[k++] = (uint8_t)i;
			done[i] = true;
		}
		if (k == 0)
			continue;
		all &= run_class(c, mgr, esn, some, k, encrypt);
		for (unsigned i = 0; i < k; i++)
			items[from[i]].ok = some[i].ok;
	}
	return all;
}

bool crypto_cbc_run(struct crypto_cbc *c, IMB_MGR *mgr, bool esn, struct crypto_item *items,
                    unsigned n, bool encrypt)
{
	const struct sa *sa = items[0].sa;

	for (unsigned i = 1; i < n; i++)
		if (items[i].sa != sa && !same_class(items[i].sa, sa))
			return run_mixed(c, mgr, esn, items, n, encrypt);
	return run_class(c, mgr, esn, items, n, encrypt);
}
