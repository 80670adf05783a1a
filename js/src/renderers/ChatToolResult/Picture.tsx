import { useContext, useEffect, useState } from "preact/hooks";
import { strings } from "../../strings/strings.ts";
import { CardContext } from "../card/context.ts";

interface PictureProps {
  readonly attachmentId: string;
  readonly mediaType: string;
  readonly toolName: string;
}

/** An image that a tool gave. Its box has its size before the image is there, so that nothing jumps. */
export function Picture({ attachmentId, mediaType, toolName }: PictureProps) {
  const host = useContext(CardContext);
  const [address, setAddress] = useState("");
  const [isGone, setGone] = useState(false);
  const [isLarge, setLarge] = useState(false);
  // What could not be had is asked for again when the connection is back.
  const isLive = host?.isLive.value ?? false;
  useEffect(() => {
    if (!host || !isLive || address) return;
    let isWanted = true;
    const show = (bytes: Blob) => {
      // The type is the tool's word for it; an image element runs nothing of any type.
      if (isWanted) setAddress(URL.createObjectURL(new Blob([bytes], { type: mediaType })));
    };
    setGone(false);
    host.attachment(attachmentId).then(show, () => isWanted && setGone(true));
    return () => {
      isWanted = false;
    };
  }, [host, attachmentId, mediaType, isLive, address]);
  useEffect(
    () => () => {
      if (address) URL.revokeObjectURL(address);
    },
    [address],
  );
  if (isGone) return <div class="wcn-picture wcn-dim">{strings.imageGone}</div>;
  return (
    <button
      type="button"
      class="wcn-picture"
      aria-label={`${strings.image(toolName)}. ${strings.imageLarger}`}
      aria-pressed={isLarge}
      disabled={!address}
      onClick={() => setLarge(!isLarge)}
    >
      {address && <img src={address} alt={strings.image(toolName)} onError={() => setGone(true)} />}
    </button>
  );
}
