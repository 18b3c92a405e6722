"""The media core: renditions, codecs, fragmented MP4, Ogg, Common Encryption and manifests.

The format modules are pure: bytes and frozen dataclasses in, bytes and dataclasses out, bounded
memory whatever the length of a track. Decoding and encoding run in worker processes.
"""
