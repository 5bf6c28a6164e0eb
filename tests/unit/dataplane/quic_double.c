// A test double of ipsec-mb's call for packets of one key, by its calls for one packet; it ends the
// test where the library would set an error (a key of 192 bits, a missing pointer).
#include "quic_double.h"

#include <stdio.h>
#include <stdlib.h>

unsigned quic_calls, quic_packets;

static void must(int holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "imb_quic_aes_gcm: %s\n", what);
	abort();
}

static aes_gcm_enc_dec_t call_for(const IMB_MGR *mgr, IMB_KEY_SIZE_BYTES key_size,
                                  IMB_CIPHER_DIRECTION direction)
{
	must(key_size == IMB_KEY_128_BYTES || key_size == IMB_KEY_256_BYTES, "key length");
	must(direction == IMB_DIR_ENCRYPT || direction == IMB_DIR_DECRYPT, "direction");
	if (direction == IMB_DIR_ENCRYPT)
		return key_size == IMB_KEY_128_BYTES ? mgr->gcm128_enc : mgr->gcm256_enc;
	return key_size == IMB_KEY_128_BYTES ? mgr->gcm128_dec : mgr->gcm256_dec;
}

void imb_quic_aes_gcm(IMB_MGR *state, const struct gcm_key_data *key_data,
                      const IMB_KEY_SIZE_BYTES key_size, const IMB_CIPHER_DIRECTION cipher_dir,
                      void *dst_ptr_array[], const void *const src_ptr_array[],
                      const uint64_t len_array[], const void *const iv_ptr_array[],
                      const void *const aad_ptr_array[], const uint64_t aad_len,
                      void *tag_ptr_array[], const uint64_t tag_len, const uint64_t num_packets)
{
	aes_gcm_enc_dec_t call = call_for(state, key_size, cipher_dir);
	struct gcm_context_data context;

	must(key_data != NULL && num_packets > 0, "arguments");
	for (uint64_t i = 0; i < num_packets; i++) {
		must(dst_ptr_array[i] && src_ptr_array[i] && len_array[i], "text");
		must(iv_ptr_array[i] && aad_ptr_array[i] && tag_ptr_array[i], "pointers");
		call(key_data, &context, dst_ptr_array[i], src_ptr_array[i], len_array[i],
		     iv_ptr_array[i], aad_ptr_array[i], aad_len, tag_ptr_array[i], tag_len);
	}
	quic_calls++;
	quic_packets += (unsigned)num_packets;
}
