// A run of packets of one key in one call of ipsec-mb. [W]
#include "crypto_quic.h"

#include <rte_common.h>

#include "crypto_aead.h"

// The call's arguments: one place a packet in each array.
struct run {
	void *text[CRYPTO_BURST]; // in place
	uint64_t len[CRYPTO_BURST];
	const void *nonce[CRYPTO_BURST], *aad[CRYPTO_BURST];
	void *icv[CRYPTO_BURST];
	alignas(16) uint8_t nonces[CRYPTO_BURST][16];
	alignas(16) uint8_t aads[CRYPTO_BURST][16]; // with extended sequence numbers
	alignas(16) uint8_t icvs[CRYPTO_BURST][16]; // computed, to compare with the packet's
};

static __rte_always_inline void run_add(struct run *r, unsigned i, bool esn,
                                        const struct crypto_item *item, bool encrypt)
{
	uint8_t *iv = item->esp + SA_ESP_HEADER, *text = iv + 8;

	crypto_nonce(r->nonces[i], item->sa, iv);
	if (esn)
		crypto_esn_aad(r->aads[i], item);
	r->text[i] = text;
	r->len[i] = item->text_len;
	r->nonce[i] = r->nonces[i];
	r->aad[i] = esn ? r->aads[i] : item->esp;
	r->icv[i] = encrypt ? text + item->text_len : r->icvs[i];
}

bool crypto_quic(IMB_MGR *mgr, bool esn, struct crypto_item *items, unsigned n, bool encrypt)
{
	const struct sa *sa = items[0].sa;
	bool all = true;
	unsigned filled = 0;
	struct run r;

	do
		run_add(&r, filled, esn, &items[filled], encrypt);
	while (++filled < n);
	imb_quic_aes_gcm(mgr, &sa->keys->gcm, (IMB_KEY_SIZE_BYTES)sa->key_len,
	                 encrypt ? IMB_DIR_ENCRYPT : IMB_DIR_DECRYPT, r.text,
	                 (const void *const *)r.text, r.len, r.nonce, r.aad,
	                 esn ? CRYPTO_ESN_AAD : SA_ESP_HEADER, r.icv, sa->icv_len, n);
	for (unsigned i = 0; i < n; i++) {
		items[i].ok = encrypt || crypto_icv_holds(&items[i], r.icvs[i]);
		all &= items[i].ok;
	}
	return all;
}
